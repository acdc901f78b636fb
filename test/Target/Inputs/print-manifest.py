"""Prints the manifest of a module on standard input, one member per line, and the items of its lists likewise."""
import json
import re
import sys

text = re.search(r'tpc\.manifest = "((?:[^"\\]|\\.)*)"', sys.stdin.read()).group(1)
text = re.sub(r"\\([0-9A-F]{2})", lambda match: chr(int(match.group(1), 16)), text).replace("\\\\", "\\")
manifest = json.loads(text)
for key, value in manifest.items():
    if key in ("parameters", "collectives"):
        for item in value:
            print(json.dumps(item))
    elif key == "entries":
        for name, entry in value.items():
            print(f'"{name}":', json.dumps(entry))
    else:
        print(f'"{key}":', json.dumps(value))
