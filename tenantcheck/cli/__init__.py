"""The command line: parses, calls the library, renders, exits."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Console script. Exit codes as in the README: 0 pass, 1 failure of the tool, 2 usage, 3, 10."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end)  # before anything is imported that takes time
    except KeyboardInterrupt:  # Python's own handler was still there
        _end()
    from tenantcheck.cli.process import run_command

    sys.exit(run_command())


def _end(*_: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(130)
