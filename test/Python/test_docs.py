"""The generated pages are what the .td files say, and the pages by hand name things that exist."""
import os
import re
import subprocess

import pytest

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def test_generated_pages_are_fresh():
    result = subprocess.run([os.path.join(ROOT, "tools", "generate-docs.py"), "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def pages():
    found = [os.path.join(ROOT, "docs", name) for name in os.listdir(os.path.join(ROOT, "docs"))]
    return sorted(found) + [path for path in [os.path.join(ROOT, "README.md")] if os.path.exists(path)]


@pytest.mark.parametrize("page", pages(), ids=os.path.basename)
def test_links_and_paths_exist(page):
    text = open(page, encoding="utf-8").read()
    if text.startswith("<!-- Generated"):
        return
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    paths = re.findall(r"`((?:lib|include|tools|runtime|test|examples|docs|python)/[\w./-]+)`", text)
    missing = [link for link in links if not os.path.exists(os.path.join(os.path.dirname(page), link))]
    missing += [path for path in paths if not os.path.exists(os.path.join(ROOT, path.rstrip("/")))]
    assert not missing
