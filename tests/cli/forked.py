"""Command lines in processes of their own, forked from one that has imported the program: importing it hundreds of
times takes longer than everything else that they do."""

from __future__ import annotations

import atexit
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_TIMEOUT_S = 120
#: What the program imports where it is used.
_USED = ("boto3", "botocore.signers", "certifi", "httpx", "pycurl", "rich.console", "rich.live", "tabulate", "uvloop")


class Forks:
    """A process that forks for each command line."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.cli.forked", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[2],
                start_new_session=True,
            )
        self._socket = ours
        self._socket.settimeout(_TIMEOUT_S)
        self._lock = threading.Lock()

    def run(
        self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path, without: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command line there; `without` are modules that can't be imported."""
        job = {"arguments": arguments, "environ": dict(environ), "folder": str(folder.absolute()), "without": without}
        with self._lock, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            message = json.dumps(job).encode()
            socket.send_fds(self._socket, [len(message).to_bytes(4)], [out.fileno(), err.fileno()])
            self._socket.sendall(message)
            try:
                code = int.from_bytes(self._socket.recv(4), signed=True)
            except TimeoutError:
                self.close()
                raise
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess([*arguments], code, *texts)

    def close(self) -> None:
        """End the process, and what it still runs."""
        self._socket.close()
        if self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()


@cache
def forks() -> Forks:
    """That of this worker."""
    made = Forks()
    atexit.register(made.close)
    return made


def _serve(connection: socket.socket) -> None:
    """Fork for each job. Returns in the children, which are what the job says."""
    while True:
        length, streams, _, _ = socket.recv_fds(connection, 4, 2)
        if not length:
            os._exit(0)
        message = b""
        while len(message) < int.from_bytes(length):
            message += connection.recv(1 << 16)
        child = os.fork()
        if not child:
            connection.close()
            _become(json.loads(message), streams)
            return
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, signed=True))


def _become(job: dict[str, object], streams: Sequence[int]) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for stream, number in zip((null, *streams), range(3), strict=True):
        os.dup2(stream, number)
        os.close(stream)
    arguments, environ, without = job["arguments"], job["environ"], job["without"]
    assert isinstance(arguments, list)
    assert isinstance(environ, dict)
    assert isinstance(without, list)
    os.chdir(str(job["folder"]))
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[1:] = arguments
    sys.modules.update(dict.fromkeys(without))


def _import_everything() -> None:
    import importlib
    import pkgutil

    import tenantcheck

    for module in pkgutil.walk_packages(tenantcheck.__path__, "tenantcheck."):
        if not module.name.startswith(("tenantcheck.__main__", "tenantcheck.lab.")):
            importlib.import_module(module.name)
    for name in _USED:
        importlib.import_module(name)


if __name__ == "__main__":
    _import_everything()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from tenantcheck.cli import main

    try:
        main()
    except SystemExit as error:
        atexit._run_exitfuncs()
        gc.collect()  # what was left open is said now
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(error.code or 0))  # taking the modules apart takes longer than most commands
