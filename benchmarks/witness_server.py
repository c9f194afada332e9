"""nginx from Debian that answers every request with a witness: the server of all firing measurements."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  log_format arrivals '$msec $http_x_tenantcheck_nonce';
  access_log {log};
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  client_header_buffer_size 4k;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      default_type application/json;
      return 200 '{witness}';
    }}
  }}
}}
"""


_WITNESS = (
    '{"executionEnvironmentId":"env-$http_x_tenant_id$http_x_amz_tenant_id","nonce":"$http_x_tenantcheck_nonce"}'
)


class WitnessServer(NamedTuple):
    """A running nginx."""

    url: str
    log: Path
    """Arrivals: time in seconds and nonce of each request, where they are logged."""


def installed() -> bool:
    """Whether nginx is there (apt-get install nginx-light)."""
    return shutil.which("nginx") is not None


@contextlib.contextmanager
def witness_server(*, logged: bool = False) -> Iterator[WitnessServer]:
    """Run it on a free port of loopback until the block ends."""
    with tempfile.TemporaryDirectory(prefix="tenantcheck-bench-") as name:
        folder = Path(name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            _CONFIG.format(
                folder=folder,
                port=port,
                user=user,
                witness=_WITNESS,
                log=f"{folder}/arrivals.log arrivals" if logged else "off",
            )
        )
        command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        process = subprocess.Popen(command, cwd=folder)
        try:
            _wait(process, port, folder)
            yield WitnessServer(f"http://127.0.0.1:{port}/witness", folder / "arrivals.log")
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError((folder / "error.log").read_text())
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError("nginx does not answer")
