"""nginx from Debian that answers every request with a witness: the server of all firing measurements."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.nginx.process import running

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


@contextlib.contextmanager
def witness_server(*, logged: bool = False) -> Iterator[WitnessServer]:
    """Run it on a free port of loopback until the block ends."""
    with tempfile.TemporaryDirectory(prefix="tenantcheck-bench-") as name:
        folder = Path(name)

        def config(port: int, user: str) -> str:
            log = f"{folder}/arrivals.log arrivals" if logged else "off"
            return _CONFIG.format(folder=folder, port=port, user=user, witness=_WITNESS, log=log)

        with running(folder, config) as address:
            yield WitnessServer(f"{address}/witness", folder / "arrivals.log")
