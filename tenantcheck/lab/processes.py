"""Processes of this machine, as Linux's /proc has them: who descends from whom, and whose a connection is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
#: Rounds in which descendants are looked for: each may start others while it is being ended.
_ROUNDS = 20


def end_descendants(pid: int) -> None:
    """End everything that a process started, whatever session or process group it moved to, and what that started.

    The process is stopped first, so that it starts nothing more; it is ended last, by the caller. As long as it lives
    it is the parent of what lost its own (`bootstrap.py` makes it a subreaper).
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    for _ in range(_ROUNDS):
        alive = [child for child in _descendants(pid) if _kill(child)]
        if not alive:
            return


def end_marked(variable: str) -> None:
    """End every process in whose environment `variable` (`NAME=value`) stands: what survived its parent."""
    mark = variable.encode() + b"\0"
    for folder in _PROC.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes() + b"\0":
                _kill(int(folder.name))


def _descendants(pid: int) -> Iterator[int]:
    try:
        tasks = list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return
    for task in tasks:
        with suppress(OSError):
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _descendants(int(child))


def _kill(pid: int) -> bool:
    """Whether there was something left to end."""
    try:
        state = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            return False
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    return True


def owns_connection(pid: int, local: tuple[str, int], remote: tuple[str, int]) -> bool:
    """Whether the socket with these IPv4 addresses is the process's. True where the system does not tell."""
    wanted = [_as_in_the_table(local), _as_in_the_table(remote)]
    try:
        # The table is not read in one piece: while others open and close connections, a line may be passed over.
        inodes = (_inode(wanted) for _ in range(_READINGS))
        inode = next((each for each in inodes if each is not None), None)
        links = list((_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return True
    return inode is not None and any(_leads_to(link, f"socket:[{inode}]") for link in links)


_READINGS = 10


def _as_in_the_table(address: tuple[str, int]) -> str:
    host, port = address
    return f"{int.from_bytes(bytes(map(int, host.split('.'))), 'little'):08X}:{port:04X}"


def _inode(addresses: list[str]) -> str | None:
    """The inode of the TCP socket with this local and remote address."""
    with (_PROC / "net" / "tcp").open() as table:
        fields = (line.split() for line in table)
        return next((parts[9] for parts in fields if len(parts) > 9 and parts[1:3] == addresses), None)


def _leads_to(link: Path, target: str) -> bool:
    try:
        return str(link.readlink()) == target
    except OSError:  # closed in the meantime
        return False
