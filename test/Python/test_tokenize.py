"""tpc.tokenize: bytes, widths, a user's tokenizer."""
import json

import numpy
import pytest

from tpc import tokenize


def test_bytes_are_tokens(tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(b"\x00A")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    status = tokenize.main([str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), "-o", str(tmp_path / "x.bin")])
    assert status == 0
    assert (tmp_path / "x.bin").read_bytes() == b"\x00\x00\x41\x00\xff\x00"
    assert "3 tokens, u16, largest id 255" in capsys.readouterr().out


def test_wide_ids(tmp_path):
    assert tokenize.write_tokens(tmp_path / "x", [65535]) == "u16"
    assert tokenize.write_tokens(tmp_path / "x", [65536]) == "u32"
    assert (tmp_path / "x").read_bytes() == b"\0\0\1\0"
    assert tokenize.write_tokens(tmp_path / "x", numpy.array([], int)) == "u16"


@pytest.mark.parametrize("ids, dtype, message", [([65536], "u16", "65536 does not fit u16"), ([-1], None, "negative")])
def test_ids_that_do_not_fit(tmp_path, ids, dtype, message):
    with pytest.raises(ValueError, match=message):
        tokenize.write_tokens(tmp_path / "x", ids, dtype)
    assert not list(tmp_path.iterdir())


def test_missing_text(tmp_path, capsys):
    assert tokenize.main([str(tmp_path / "none"), "-o", str(tmp_path / "x")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_tokenizer_json(tmp_path):
    pytest.importorskip("tokenizers")
    words = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
             "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1, "?": 2}, "unk_token": "?"}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(words))
    assert tokenize.encode(b"b a c", str(tmp_path / "tokenizer.json")).tolist() == [1, 0, 2]


def test_tokenizer_needs_its_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(RuntimeError, match="pip install tokenizers"):
        tokenize.encode(b"a", "tokenizer.json")
