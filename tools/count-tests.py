#!/usr/bin/python3
"""Adds up JUnit reports: prints "N passed, N failed, N skipped".

Exit status 1 if a test failed, or if a report has no test that passed or failed (its runner found none), is missing or
malformed (its runner died). Such reports are named on standard error.
"""
import sys
import xml.etree.ElementTree as ElementTree


def verdict(case):
    """"failed", "skipped" or "passed" of one <testcase>."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def main(paths):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    broken = False
    for path in paths:
        try:
            verdicts = [verdict(case) for case in ElementTree.parse(path).iter("testcase")]
        except (OSError, ElementTree.ParseError) as error:
            print(f"error: no usable report: {path}: {error}", file=sys.stderr)
            broken = True
            continue
        for name in verdicts:
            counts[name] += 1
        if not set(verdicts) - {"skipped"}:
            print(f"error: no test ran: {path}", file=sys.stderr)
            broken = True
    print(", ".join(f"{number} {name}" for name, number in counts.items()))
    return 1 if broken or counts["failed"] or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
