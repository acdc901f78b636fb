"""Hugging Face folders: `config.json` and weights in safetensors, with NumPy and nothing else.

A safetensors file is eight bytes N (little-endian), N bytes of JSON `{name: {dtype, shape, data_offsets}}`, and the
data; offsets count from the end of the JSON. bfloat16 is read as float32 (NumPy has no such type).
"""
import json
import os

import numpy

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}
_NAMES = {numpy.dtype(code): name for name, code in _TYPES.items() if name != "BF16"}


class FormatError(ValueError):
    """A file is not what it says it is."""


def _header(path, file, size):
    """The header of an open safetensors file and the position of its data."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise FormatError(f"{path}: truncated safetensors file: header of {length} bytes, file of {size}")
    try:
        header = json.loads(file.read(length))
    except ValueError as error:
        raise FormatError(f"{path}: header is not JSON: {error}") from None
    if not isinstance(header, dict):
        raise FormatError(f"{path}: header is not a JSON object")
    return header, 8 + length


def _tensor(path, name, entry, data):
    """One tensor out of the bytes `data`, checked against what its header entry claims."""
    try:
        kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise FormatError(f"{path}: {name}: header entry lacks dtype, shape or data_offsets") from None
    if kind not in _TYPES:
        raise FormatError(f"{path}: {name}: unknown element type {kind!r}")
    code = numpy.dtype(_TYPES[kind])
    count = int(numpy.prod(shape, dtype=numpy.int64))
    if not 0 <= begin <= end <= len(data):
        raise FormatError(f"{path}: {name}: bytes {begin}..{end} lie outside the {len(data)} bytes of data")
    if end - begin != count * code.itemsize:
        raise FormatError(f"{path}: {name}: {kind} of shape {shape} needs {count * code.itemsize} bytes, "
                          f"got {end - begin}")
    array = numpy.frombuffer(data, code, count, begin).reshape(shape)
    return (array.astype("<u4") << 16).view("<f4") if kind == "BF16" else array


def read_safetensors(path):
    """{name: array} of a safetensors file. Raises FormatError if the file is truncated or contradicts itself."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        header, _ = _header(path, file, size)
        data = file.read()
    return {name: _tensor(path, name, entry, data) for name, entry in header.items() if name != "__metadata__"}


def read_metadata(path):
    """The `__metadata__` strings of a safetensors file, {} if it has none."""
    with open(path, "rb") as file:
        header, _ = _header(path, file, os.path.getsize(path))
    return header.get("__metadata__", {})


def write_safetensors(path, tensors, metadata=None):
    """Writes {name: array}; `metadata` maps strings to strings. The file appears under `path` when it is complete."""
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = dict(metadata)
    arrays = {name: numpy.ascontiguousarray(array).reshape(numpy.shape(array)) for name, array in tensors.items()}
    for name, array in arrays.items():
        if array.dtype not in _NAMES:
            raise TypeError(f"{name}: element type {array.dtype} has no safetensors name")
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = f"{os.fspath(path)}.partial"
    with open(partial, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(array.tobytes())
    os.replace(partial, path)


def read_config(folder):
    """The `config.json` of a folder (or that file itself) as a dictionary."""
    path = os.path.join(folder, "config.json") if os.path.isdir(folder) else folder
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_weights(folder):
    """{name: array} of a folder: `model.safetensors`, or the shards of `model.safetensors.index.json`."""
    single = os.path.join(folder, "model.safetensors")
    index = single + ".index.json"
    if not os.path.exists(index):
        return read_safetensors(single)
    with open(index, encoding="utf-8") as file:
        places = json.load(file)["weight_map"]
    weights = {}
    for shard in sorted(set(places.values())):
        found = read_safetensors(os.path.join(folder, shard))
        missing = [name for name, place in places.items() if place == shard and name not in found]
        if missing:
            raise FormatError(f"{folder}: {shard} lacks {missing[0]}, which the index places there")
        weights.update(found)
    return weights


def write_folder(folder, config, weights):
    """Writes `config.json` and `model.safetensors` into `folder`, which is made if need be."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)
        file.write("\n")
    write_safetensors(os.path.join(folder, "model.safetensors"), weights, {"format": "pt"})
