"""The seam to the network: send a prepared call, close. Sending never raises; an error is a kind of reply."""

from __future__ import annotations

import os
import ssl
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from tenantcheck import __version__
from tenantcheck.errors import UsageError
from tenantcheck.model import Call, Reply

USER_AGENT = f"tenantcheck/{__version__}"
#: What is read of a body at the most, before and after decompression.
MAX_BODY_BYTES = 1 << 20
#: Every request draws its connection at random among at least so many: a balancer may pin each to one backend.
LEAST_CONNECTIONS = 8


@dataclass(frozen=True, kw_only=True)
class SenderSettings:
    """What every sender needs to know."""

    timeout_s: float = 30.0
    """For one whole request, from connecting to the last byte."""
    cacert: Path | None = None
    insecure: bool = False
    direct: bool = False
    """Ignore proxies of the environment."""


class Sender(Protocol):
    """Sends calls over kept-alive connections that all tenants share.

    Each call draws its connection at random among at least `LEAST_CONNECTIONS`. Nothing that an answer says is kept
    for the next call: no cookies, no redirects, no other protocol.
    """

    async def send(self, call: Call) -> Reply:
        """Send one call: no redirects, no retries."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


@runtime_checkable
class ConnectsAhead(Protocol):
    """What a sender can do besides, where the client behind it can."""

    async def connect(self, url: str, connections: int) -> None:
        """Have this many connections open before requests need them."""
        ...


def decoded(raw: bytes, encoding: str, *, truncated: bool) -> tuple[bytes, bool]:
    """A body after decompression, cut at `MAX_BODY_BYTES`, and whether anything was cut.

    Nothing but identity is asked for; a server that compresses all the same is still read, within bounds.
    """
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return raw[:MAX_BODY_BYTES], truncated or len(raw) > MAX_BODY_BYTES
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        body = decompressor.decompress(raw, MAX_BODY_BYTES)
    except zlib.error:
        return b"", True
    return body, truncated or bool(decompressor.unconsumed_tail) or not decompressor.eof


class Proxy(NamedTuple):
    """A proxy, and as whom it is asked. Both may be secret."""

    url: str
    """Without user and password."""
    user: str
    password: str


def proxy_of(url: str) -> Proxy | None:
    """The proxy that the environment names for a URL. Raises `UsageError` for one that can't be read."""
    parts = urlsplit(url)
    proxies = getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named or proxy_bypass(parts.hostname or ""):
        return None
    try:
        proxy = urlsplit(named if "://" in named else f"http://{named}")
        host, port = proxy.netloc.rpartition("@")[2], proxy.port
    except ValueError:
        host, port = "", None
    if not host or not host.isprintable() or proxy.scheme not in _PROXY_SCHEMES or port == 0:
        name = f"{parts.scheme.upper()}_PROXY or ALL_PROXY"
        raise UsageError(
            f"the proxy that {name} names can't be read", "Write http://host:port, user percent-encoded."
        )
    return Proxy(f"{proxy.scheme}://{host}", unquote(proxy.username or ""), unquote(proxy.password or ""))


_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def authorities(settings: SenderSettings) -> tuple[str | None, str | None]:
    """Whom to trust, as a bundle or a folder of certificates: `--cacert`, else SSL_CERT_FILE and SSL_CERT_DIR, else
    certifi's. Raises `UsageError` when they can't be read."""
    if settings.cacert is not None:
        named: tuple[str | None, str | None] = (str(settings.cacert), None)
    else:
        named = (os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None)
    if named == (None, None):
        import certifi

        return certifi.where(), None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(*named)
    except OSError as error:
        name = f"--cacert {settings.cacert}" if settings.cacert is not None else "SSL_CERT_FILE or SSL_CERT_DIR"
        raise UsageError(f"{name}: {error.strerror or error}", "Name a PEM file with CA certificates.") from error
    return named
