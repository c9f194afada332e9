"""The seam to the network: send a prepared call, close. Sending never raises; an error is a kind of reply."""

from __future__ import annotations

import errno
import os
import re
import ssl
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from tenantcheck.errors import UsageError
from tenantcheck.model import TIMEOUT_S, Call, Reply
from tenantcheck.version import __version__

LostKind = Literal["connect", "tls", "timeout", "read", "protocol"]

USER_AGENT = f"tenantcheck/{__version__}"
#: What is read of a body at the most, before and after decompression.
MAX_BODY_BYTES = 1 << 20
#: Pieces that a body may come in: each costs about the same, however short it is.
MAX_PIECES = 8_192
#: Every request draws its connection at random among at least so many: a balancer may pin each to one backend.
LEAST_CONNECTIONS = 8


@dataclass(frozen=True, kw_only=True)
class SenderSettings:
    """What every sender needs to know."""

    timeout_s: float = TIMEOUT_S
    """For one whole request, from connecting to the last byte."""
    cacert: Path | None = None
    insecure: bool = False
    direct: bool = False
    """Ignore proxies of the environment."""
    app: Any = None
    """An ASGI application that is asked in this process, over no network."""


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


class Room:
    """Bounds what the bodies of all answers in flight hold in memory together.

    A body up to `FREE_BYTES` is read without asking. A larger one has to be given one of `_LARGE` places first, and
    keeps it until the answer was read; until then nothing more is read of it. Places are given in the order in which
    they were asked for. All of this in the thread of one event loop.
    """

    FREE_BYTES = 1 << 16
    _LARGE = 64

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, when_free: Callable[[], None]) -> bool:
        """Take a place. False where there is none: `when_free` is called when one has been given."""
        if self._taken < self._LARGE:
            self._taken += 1
            return True
        self._waiting.append(when_free)
        return False

    def give(self) -> None:
        """Give a place back."""
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._taken -= 1

    def forget(self, when_free: Callable[[], None]) -> None:
        """Wait for a place no more."""
        if when_free in self._waiting:
            self._waiting.remove(when_free)


#: What may be wrong with a certificate, by OpenSSL's number for it.
_CERTIFICATES = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "a self-signed certificate is in its chain",
    20: "its issuer is not known",
    21: "its issuer is not known",
    62: "it is for another host name",
}
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE})


def lost(kind: LostKind, *, number: int | None = None, words: str = "", told: str = "") -> Reply:
    """A request that nothing came back for. What is kept of it are words of this program and of this machine's
    system (`number` is an error number of it); `words` are those of somebody else, who may quote a secret.
    """
    if number in _SHORTAGE or (kind == "connect" and _own_shortage()):
        return Reply(error_kind="descriptors", error_text="this machine has no file descriptor left", words=words)
    text = told or _LOST[kind]
    if kind == "connect" and number:
        text = f"{text}: {os.strerror(number)}"
    return Reply(error_kind=kind, error_text=text, words=words)


def untrusted(number: int, words: str) -> Reply:
    """A certificate that was not accepted, for the reason that OpenSSL has this number for."""
    return lost("tls", words=words, told=f"the certificate was not accepted ({_CERTIFICATES.get(number, number)})")


def timed_out(timeout_s: float) -> Reply:
    """A request that was not answered in time."""
    return lost("timeout", told=f"no complete answer within {timeout_s:g} s")


_LOST: dict[LostKind, str] = {
    "connect": "could not connect",
    "tls": "the TLS handshake failed",
    "timeout": "no complete answer in time",
    "read": "the connection was closed without a complete answer",
    "protocol": "the answer, or the request, is not HTTP",
}


def _own_shortage() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in _SHORTAGE
    return False


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
    if not _PROXY_HOST.fullmatch(host) or proxy.scheme not in _PROXY_SCHEMES or port == 0:
        name = f"{parts.scheme.upper()}_PROXY or ALL_PROXY"
        raise UsageError(
            f"the proxy that {name} names can't be read", "Write http://host:port, user percent-encoded."
        )
    return Proxy(f"{proxy.scheme}://{host}", unquote(proxy.username or ""), unquote(proxy.password or ""))


def proxy_secrets(settings: SenderSettings, url: str) -> tuple[str, ...]:
    """What a proxy of the environment is told and nobody may see. Raises `UsageError`, as `proxy_of`."""
    proxy = None if settings.direct else proxy_of(url)
    return (proxy.user, proxy.password) if proxy is not None and proxy.user else ()


_PROXY_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
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
    file = named[0]
    try:
        if file is not None and not Path(file).is_file():
            raise OSError(errno.ENOENT, "not a file" if Path(file).exists() else os.strerror(errno.ENOENT))
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(*named)
    except OSError as error:
        name = f"--cacert {settings.cacert}" if settings.cacert is not None else "SSL_CERT_FILE or SSL_CERT_DIR"
        raise UsageError(f"{name}: {error.strerror or error}", "Name a PEM file with CA certificates.") from error
    return named
