"""Makes the Python package and the reference model importable in every Python test."""
import os
import sys

TEST = os.path.dirname(os.path.abspath(__file__))
for folder in (os.path.join(TEST, "..", "python"), os.path.join(TEST, "reference")):
    sys.path.insert(0, os.path.normpath(folder))
