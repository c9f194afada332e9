"""The lab's folder: scratch directories of its environments, removed with it.

A lock file tells whether the lab that made a folder still lives, so that a later start can clear what a killed
lab left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

_PREFIX, _UNLOCKED = "tenantcheck-lab-", "tenantcheck-new-lab-"


class LabFolder:
    """A temporary folder that is cleared by `close`, or by the next lab after a kill."""

    def __init__(self) -> None:
        clear_dead()
        # It has another name until it is locked: a lab that starts at the same moment would take it for a dead one's.
        made = Path(tempfile.mkdtemp(prefix=_UNLOCKED))
        self._lock: IO[str] = (made / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = made.rename(made.with_name(_PREFIX + made.name.removeprefix(_UNLOCKED)))

    def make(self, name: str) -> Path:
        """A folder inside; the same one for the same name."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def clear_dead() -> int:
    """Remove the folders of labs that no longer run; returns how many."""
    cleared = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                cleared += 1
        except OSError:
            # Its lab lives (the lock is held), or another start clears it at the same moment.
            continue
    return cleared
