"""The sender that works everywhere: httpx over any transport, by default one that connects ahead of a wave."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec
from types import TracebackType

import httpx

from tenantcheck.errors import UsageError
from tenantcheck.model import Call, Reply
from tenantcheck.run.senders.connections import Connections, Spread
from tenantcheck.run.senders.sender import (
    LEAST_CONNECTIONS,
    MAX_BODY_BYTES,
    MAX_PIECES,
    USER_AGENT,
    Proxy,
    Room,
    SenderSettings,
    authorities,
    decoded,
    lost,
    proxy_of,
    timed_out,
    untrusted,
)


class HttpxSender:
    """Sends calls through an `httpx.AsyncBaseTransport`."""

    def __init__(
        self, settings: SenderSettings, url: str = "", transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        context = ssl_context(settings)
        self._timeout_s = settings.timeout_s
        self._room = Room()
        self._connections = None
        proxy = None if transport is not None or settings.direct or not url else proxy_of(url)
        if proxy is not None:
            transport = Spread([_through(proxy, context) for _ in range(LEAST_CONNECTIONS)])
        elif transport is None:
            transport = self._connections = Connections(context)
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=context,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # keeps none, sends none
            follow_redirects=False,
            timeout=None,  # noqa: S113 - send() limits the whole exchange
            headers={"user-agent": USER_AGENT, "accept-encoding": "identity", "accept": "*/*"},
        )

    async def connect(self, url: str, connections: int) -> None:
        """Open connections ahead; where a proxy or another transport stands between, they open on use."""
        if self._connections is not None:
            await self._connections.connect(httpx.URL(url), connections)

    async def send(self, call: Call) -> Reply:
        """Send one call."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(call)
        except (TimeoutError, httpx.TimeoutException):
            return timed_out(self._timeout_s)
        except httpx.ProxyError as error:
            status = str(error)[:3]
            told = f"the proxy answered HTTP {status}" if status.isdigit() else "the proxy did not connect"
            return lost("connect", words=str(error), told=told)
        except httpx.ConnectError as error:
            return _not_connected(error)
        except (httpx.ProtocolError, httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            return lost("protocol", words=str(error))
        except (httpx.HTTPError, httpx.StreamError, ExceptionGroup) as error:
            return lost("read", words=str(error))

    async def _exchange(self, call: Call) -> Reply:
        request = self._client.build_request(
            call.method, call.url, headers=list(call.headers), content=call.body or None
        )
        response = await self._client.send(request, stream=True)
        first_byte_ns = time.monotonic_ns()
        try:
            if response.is_stream_consumed:  # a transport that answers with a body it has at hand
                body, truncated = response.content[:MAX_BODY_BYTES], len(response.content) > MAX_BODY_BYTES
            else:
                with _Place(self._room) as place:
                    raw, truncated = await _read(response.aiter_raw(), place)
                    encoding = response.headers.get("content-encoding", "")
                    body, truncated = decoded(raw, encoding, truncated=truncated)
        finally:
            await response.aclose()
        return Reply(
            status=response.status_code,
            headers=tuple(response.headers.multi_items()),
            body=body,
            truncated=truncated,
            first_byte_ns=first_byte_ns,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def in_process(settings: SenderSettings) -> HttpxSender:
    """Asks an ASGI application in this process. What it raises is an answer with status 500."""
    return HttpxSender(settings, transport=httpx.ASGITransport(app=settings.app, raise_app_exceptions=False))


class _Place:
    """What one answer has of the room that all share."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._given: asyncio.Future[None] | None = None
        self._has_room = False

    async def enter(self) -> None:
        """Wait until there is room for a large body."""
        if self._has_room:
            return
        self._given = asyncio.get_running_loop().create_future()
        if not self._room.take(self._free):
            await self._given
        self._has_room = True

    def _free(self) -> None:
        self._has_room = True
        if self._given is not None and not self._given.done():
            self._given.set_result(None)

    def __enter__(self) -> _Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.forget(self._free)
        if self._has_room:
            self._room.give()


async def _read(pieces: AsyncIterator[bytes], place: _Place) -> tuple[bytes, bool]:
    body = bytearray()
    count = 0
    async for piece in pieces:
        if len(body) + len(piece) > Room.FREE_BYTES:
            await place.enter()
        body += piece
        count += 1
        if len(body) > MAX_BODY_BYTES or count >= MAX_PIECES:
            return bytes(body), True
        if not count % _TURN:
            await asyncio.sleep(0)  # a body in single bytes takes long: others have their turn
    return bytes(body), False


#: Pieces of a body after which others have their turn.
_TURN = 16


def _not_connected(error: httpx.ConnectError) -> Reply:
    """Why there is no connection, by the errors that it was caused by: their texts are not ours."""
    words = str(error)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return untrusted(cause.verify_code, words)
        if isinstance(cause, ssl.SSLError):
            return lost("tls", words=words)
        if isinstance(cause, socket.gaierror):
            return lost("connect", words=words, told="the host name was not found")
        if isinstance(cause, OSError) and cause.errno:
            return lost("connect", number=cause.errno, words=words)
    return lost("connect", words=words)


def _causes(error: BaseException | None, depth: int = 10) -> Iterator[BaseException]:
    """An error and those behind it, of groups each one."""
    if error is None or not depth:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each, depth - 1)
    yield from _causes(error.__cause__ or error.__context__, depth - 1)


def _through(proxy: Proxy, context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    """Connections through a proxy, opened for each request. Raises `UsageError` for one that httpx does not speak
    to."""
    if proxy.url.startswith("socks") and (proxy.url.startswith("socks4") or find_spec("socksio") is None):
        raise UsageError(
            "the proxy is a SOCKS proxy, which the built-in client can't use",
            "Install the fast client: pip install 'tenantcheck[fast]'",
        )
    own = (proxy.user, proxy.password) if proxy.user else None
    return httpx.AsyncHTTPTransport(
        verify=context,
        proxy=httpx.Proxy(proxy.url, ssl_context=context if proxy.url.startswith("https:") else None, auth=own),
        # None is kept: this pool would take what came behind an answer for the next one.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
    )


def ssl_context(settings: SenderSettings) -> ssl.SSLContext:
    """Trust in the authorities that were named, or in nobody at all where that was wished. Raises `UsageError`."""
    file, folder = authorities(settings)
    context = ssl.create_default_context(cafile=file, capath=folder)
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
