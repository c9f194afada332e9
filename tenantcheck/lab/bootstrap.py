"""What runs in each environment: die with the lab, be the parent of what loses its own, then become AWS's own
runtime client.

Started by file path with `python -P`, so nothing of the lab is imported here. Arguments: the pid of the lab,
the task root, the handler.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the handler until the lab ends this process."""
    lab, task_root, handler = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != lab:
        sys.exit("the lab is gone")
    sys.path.insert(0, task_root)
    from awslambdaric.__main__ import main as run

    run(["bootstrap", handler])


if __name__ == "__main__":
    main()
