"""nginx in front of the lab: GET becomes an Invoke, and nginx itself maps the tenant."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tenantcheck.lab import Lab
from tests.nginx.process import running

_CONFIG = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=answers:1m;
  {mapping}
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/witness(/(?<id>[^/]+))?$ {{
      {cache}
      set $nonce "$http_x_tenantcheck_nonce$arg_tenantcheckNonce";
      proxy_method POST;
      proxy_set_body '{{"tenantcheckNonce": "$nonce"}}';
      proxy_set_header Content-Type application/json;
      proxy_set_header X-Amz-Date 20260101T000000Z;
      proxy_set_header X-Amz-Tenant-Id {tenant};
      proxy_set_header Authorization "AWS4-HMAC-SHA256 Credential=nginx/20260101/us-east-1/lambda/aws4_request,
SignedHeaders=host;x-amz-date;x-amz-tenant-id, Signature={signature}";
      rewrite ^ /2015-03-31/functions/{function}/invocations? break;
      proxy_pass {endpoint};
    }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(
    lab: Lab, folder: Path, *, tenant: str = "$http_x_tenant_id", mapping: str = "", cache_key: str | None = None
) -> Iterator[str]:
    """Run nginx in front of the lab; yields its address.

    `tenant` is the value mapped to X-Amz-Tenant-Id, `mapping` a map block it may use, `cache_key` turns the cache on.
    """
    cache = ""
    if cache_key is not None:
        cache = (
            f"proxy_cache answers; proxy_cache_valid 200 1m; proxy_cache_methods GET; proxy_cache_key {cache_key};"
        )

    def config(port: int, user: str) -> str:
        return _CONFIG.format(
            folder=folder,
            user=user,
            port=port,
            cache=cache,
            mapping=mapping,
            tenant=tenant,
            signature="0" * 64,
            endpoint=lab.endpoint_url,
            function=lab.function_name,
        ).replace("aws4_request,\nSigned", "aws4_request, Signed")

    with running(folder, config) as address:
        yield f"{address}/witness"
