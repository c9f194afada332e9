"""What is printed arrives whole."""

from __future__ import annotations

import subprocess
import sys
import time

#: Writes more than a pipe holds, while a timer's signal interrupts each write that has to wait.
_WRITER = """
import signal, sys
from tenantcheck.cli.say import whole_stdout
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
with whole_stdout() as stdout:
    stdout.write("x" * (1 << 19))
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_report_larger_than_a_pipe_arrives_whole_where_python_is_unbuffered() -> None:
    with subprocess.Popen([sys.executable, "-u", "-c", _WRITER], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        received = 0
        while chunk := writer.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            received += len(chunk)
            time.sleep(0.01)  # the writer has to wait, and is interrupted
    assert (writer.returncode, received) == (0, 1 << 19)
