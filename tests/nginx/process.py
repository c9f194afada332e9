"""nginx on a free port of loopback, until a block ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def installed() -> bool:
    """Whether nginx is there (apt-get install nginx-light)."""
    return shutil.which("nginx") is not None


@contextlib.contextmanager
def running(folder: Path, config: Callable[[int, str], str]) -> Iterator[str]:
    """Run nginx in `folder`; yields its address, without a path.

    `config` makes the configuration from the port and the line that says whom the workers run as.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "user root;" if os.getuid() == 0 else ""  # its workers write into a folder of ours
    (folder / "nginx.conf").write_text(config(port, user))
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command, cwd=folder)
    try:
        _wait(process, port, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Until nginx accepts connections."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError((folder / "error.log").read_text())
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
    raise RuntimeError("nginx does not answer")
