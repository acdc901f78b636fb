"""in_terminal.py COMMAND...: runs a command whose output is a terminal, prints what it wrote, ends as it ended."""
import os
import pty
import sys

sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
