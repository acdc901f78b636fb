"""Text to token files: `python3 -m tpc.tokenize -o corpus.bin [--tokenizer tokenizer.json] text...`

Without a tokenizer each byte is a token. A token file is little-endian integers without a header: 16 bits each if all
ids fit (the default of a compiled program's `--data-dtype`), else 32 bits (`--data-dtype u32`).
"""
import argparse
import os
import sys

import numpy


def encode(text, tokenizer=None):
    """Token ids, int64[n], of the bytes `text`; `tokenizer` is the path of a Hugging Face `tokenizer.json`."""
    if tokenizer is None:
        return numpy.frombuffer(text, numpy.uint8).astype(numpy.int64)
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise RuntimeError("reading a tokenizer.json needs the package tokenizers: pip install tokenizers") from None
    return numpy.array(Tokenizer.from_file(tokenizer).encode(text.decode()).ids, numpy.int64)


def write_tokens(path, ids, dtype=None):
    """Writes ids to `path` as "u16" or "u32" (None: the narrowest) and returns which. ValueError if an id does not fit."""
    ids = numpy.asarray(ids)
    top = int(ids.max()) if ids.size else 0
    if ids.size and int(ids.min()) < 0:
        raise ValueError(f"token ids are not negative, got {int(ids.min())}")
    dtype = dtype or ("u16" if top < 1 << 16 else "u32")
    if top >= 1 << int(dtype[1:]):
        raise ValueError(f"token id {top} does not fit {dtype}")
    partial = f"{os.fspath(path)}.partial"
    ids.astype({"u16": "<u2", "u32": "<u4"}[dtype]).tofile(partial)
    os.replace(partial, path)
    return dtype


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="tpc.tokenize", description="text files to one token file")
    parser.add_argument("text", nargs="+", help="text files, in this order")
    parser.add_argument("-o", "--output", required=True, help="token file to write")
    parser.add_argument("--tokenizer", help="tokenizer.json; without it bytes are tokens")
    parser.add_argument("--dtype", choices=("u16", "u32"), help="width of a token (the narrowest that fits)")
    options = parser.parse_args(arguments)
    try:
        ids = [encode(open(path, "rb").read(), options.tokenizer) for path in options.text]
        ids = numpy.concatenate(ids)
        dtype = write_tokens(options.output, ids, options.dtype)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {ids.size} tokens, {dtype}, largest id {int(ids.max()) if ids.size else 0}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
