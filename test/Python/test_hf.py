"""tpc.hf: folders and safetensors, and files that lie."""
import json

import numpy
import pytest

from tpc import hf


def test_round_trip(tmp_path):
    tensors = {"a": numpy.arange(6, dtype=numpy.float32).reshape(2, 3), "b": numpy.array(7, numpy.int64),
               "c": numpy.zeros((0, 4), numpy.float64)}
    hf.write_safetensors(tmp_path / "x.safetensors", tensors, {"made": "here"})
    read = hf.read_safetensors(tmp_path / "x.safetensors")
    assert {name: (array.dtype, array.shape) for name, array in read.items()} == {
        name: (array.dtype, array.shape) for name, array in tensors.items()}
    assert all((read[name] == tensors[name]).all() for name in tensors)
    assert hf.read_metadata(tmp_path / "x.safetensors") == {"made": "here"}
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_bytes_are_as_specified(tmp_path):
    hf.write_safetensors(tmp_path / "x.safetensors", {"w": numpy.array([1.0], numpy.float32)})
    data = (tmp_path / "x.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert json.loads(data[8:8 + length]) == {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    assert data[8 + length:] == b"\0\0\x80\x3f"
    assert (8 + length) % 8 == 0


def raw(path, header, data):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_bfloat16(tmp_path):
    path = raw(tmp_path / "x", {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"\x80\x3f\x00\xc0")
    assert hf.read_safetensors(path)["w"].tolist() == [1.0, -2.0]


def test_folder_with_index(tmp_path):
    hf.write_folder(tmp_path, {"model_type": "llama"}, {})
    (tmp_path / "model.safetensors").unlink()
    hf.write_safetensors(tmp_path / "1.safetensors", {"a": numpy.ones(2, numpy.float32)})
    hf.write_safetensors(tmp_path / "2.safetensors", {"b": numpy.zeros(2, numpy.float32)})
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert sorted(hf.read_weights(tmp_path)) == ["a", "b"]
    assert hf.read_config(tmp_path) == {"model_type": "llama"}
    index["weight_map"]["c"] = "1.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(hf.FormatError, match="1.safetensors lacks c"):
        hf.read_weights(tmp_path)


@pytest.mark.parametrize("header, data, message", [
    ({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"1234", "outside the 4 bytes"),
    ({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"12345678", "needs 8 bytes, got 4"),
    ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [8, 4]}}, b"12345678", "outside"),
    ({"w": {"dtype": "Q4", "shape": [1], "data_offsets": [0, 4]}}, b"1234", "unknown element type 'Q4'"),
    ({"w": {"shape": [1]}}, b"1234", "lacks dtype, shape or data_offsets"),
    (b"{not json", b"", "not JSON"),
    (b"[]", b"", "not a JSON object"),
])
def test_lying_files(tmp_path, header, data, message):
    with pytest.raises(hf.FormatError, match=message):
        hf.read_safetensors(raw(tmp_path / "x", header, data))


@pytest.mark.parametrize("data", [b"", b"1234", (1 << 40).to_bytes(8, "little") + b"{}"])
def test_truncated(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(hf.FormatError, match="truncated"):
        hf.read_safetensors(tmp_path / "x")


def test_unknown_element_type_leaves_no_file(tmp_path):
    with pytest.raises(TypeError, match="complex128"):
        hf.write_safetensors(tmp_path / "x", {"w": numpy.zeros(1, numpy.complex128)})
    assert not list(tmp_path.iterdir())
