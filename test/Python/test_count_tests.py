"""tools/count-tests.py: the sum of JUnit reports, and what counts as a failed run."""
import os
import subprocess

import pytest

TOOL = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "count-tests.py")

LIT = """<testsuites><testsuite name="tpc" tests="3" failures="1" skipped="1">
<testcase name="a"/><testcase name="b"><failure>no</failure></testcase><testcase name="c"><skipped/></testcase>
</testsuite></testsuites>"""
CTEST = """<testsuite tests="2"><testcase name="a" status="run"/><testcase name="b" status="notrun"/></testsuite>"""
SKIPPED = "<testsuite tests='1'><testcase name='a'><skipped/></testcase></testsuite>"
EMPTY = "<testsuites><testsuite tests='0'/></testsuites>"


def count(tmp_path, *texts):
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.xml"
        if text is not None:
            path.write_text(text)
        paths.append(str(path))
    return subprocess.run(["/usr/bin/python3", TOOL, *paths], capture_output=True, text=True)


def test_sum(tmp_path):
    result = count(tmp_path, LIT, CTEST)
    assert result.stdout == "2 passed, 1 failed, 2 skipped\n"
    assert result.returncode == 1


def test_all_passed(tmp_path):
    result = count(tmp_path, CTEST, CTEST)
    assert (result.stdout, result.returncode) == ("2 passed, 0 failed, 2 skipped\n", 0)


@pytest.mark.parametrize("empty", [EMPTY, SKIPPED])
def test_empty_suite(tmp_path, empty):
    """The others' tests do not make up for a suite in which none ran."""
    result = count(tmp_path, CTEST, empty)
    assert result.returncode == 1
    assert result.stderr == f"error: no test ran: {tmp_path / '1.xml'}\n"


@pytest.mark.parametrize("texts", [[EMPTY], [CTEST, None], [CTEST, "<testsuite>"]])
def test_nothing_ran_or_report_missing(tmp_path, texts):
    result = count(tmp_path, *texts)
    assert result.returncode == 1
    assert "0 failed" in result.stdout
