"""HTTP/1.1 connections that are opened ahead of a wave and drawn at random."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

from tenantcheck.run.senders.sender import LEAST_CONNECTIONS

#: What is read of a connection at a time: however short the parts of an answer are, each takes little time to parse
#: before others have their turn.
_READ_BYTES = 8_192
#: asyncio takes all that the system has received, and keeps it until it is read: of every connection.
_LITTLE_AHEAD = (socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)
#: Connections on their way have so many seconds to open when all are closed.
_ON_THEIR_WAY_S = 0.1


class Connections(httpx.AsyncBaseTransport):
    """HTTP/1.1 connections to one origin, opened ahead and drawn at random.

    httpx's own pool opens connections only when a request needs one, and its work grows with their number.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._context.set_alpn_protocols(["http/1.1"])
        self._idle: list[_Connection] = []
        self._opening: set[asyncio.Future[None]] = set()
        """Connections that are on their way, whether or not somebody waits for them still."""
        self._in_use = 0
        """Requests that have a connection, or are drawing one."""
        self._random = random.SystemRandom()
        self._backend = _Network()

    async def connect(self, url: httpx.URL, count: int) -> None:
        """Have `count` idle connections, and enough to draw from. A failure is left for the request that will meet
        it. Takes as long as the network does: the caller limits it."""
        expired = [connection for connection in self._idle if connection.has_expired()]
        self._idle = [connection for connection in self._idle if connection not in expired]
        for connection in expired:
            await self._close(connection)
        missing = max(count, LEAST_CONNECTIONS) - len(self._idle)
        opening = {asyncio.ensure_future(self._open(url)) for _ in range(missing)}
        self._opening |= opening
        for each in opening:
            each.add_done_callback(self._opened)
        if opening:
            await asyncio.wait(opening)

    def _opened(self, task: asyncio.Future[None]) -> None:
        self._opening.discard(task)
        if not task.cancelled():
            task.exception()  # it is left for the request that will meet it

    async def _open(self, url: httpx.URL) -> None:
        origin = _origin(url)
        host = origin.host.decode()
        stream = await self._backend.connect_tcp(host, origin.port)
        if url.scheme == "https":
            try:
                stream = await stream.start_tls(self._context, server_hostname=host)
            except BaseException:
                await stream.aclose()
                raise
        self._idle.append(_Connection(origin, self._context, _Opened(stream), stream))

    async def _draw(self, origin: httpcore.Origin) -> _Connection:
        """One of the idle connections, or a new one in the place of those that are missing."""
        while (position := self._random.randrange(self._choices())) < len(self._idle):
            self._idle[position], self._idle[-1] = self._idle[-1], self._idle[position]
            connection = self._idle.pop()
            if connection.can_handle_request(origin) and not connection.has_expired():
                return connection
            await self._close(connection)
        return _Connection(origin, self._context, self._backend)

    def _choices(self) -> int:
        """Connections to draw from: the idle ones, and those that are missing, each of which would be a new one."""
        others = self._in_use - 1
        return max(len(self._idle), LEAST_CONNECTIONS - others, 1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request over a connection of its own."""
        self._in_use += 1
        try:
            return await self._exchange(request)
        except BaseException:
            self._in_use -= 1
            raise

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        connection = await self._draw(_origin(request.url))
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("an asynchronous request body was expected")
        with _translated():
            response = await connection.handle_async_request(
                httpcore.Request(
                    method=request.method.encode(),
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(self, connection, response),
            extensions=response.extensions,
        )

    async def give_back(self, connection: _Connection) -> None:
        """Keep a connection whose response was read to its end; close any other."""
        self._in_use -= 1
        if connection.is_idle() and not connection.has_leftovers():
            self._idle.append(connection)
        else:
            await self._close(connection)

    @staticmethod
    async def _close(connection: _Connection) -> None:
        with suppress(OSError, httpcore.NetworkError):
            await connection.aclose()

    async def aclose(self) -> None:
        """Close every idle connection, and those on their way."""
        if self._opening:
            # One that is ended in the very turn in which it opened would be lost, and stay open.
            await asyncio.wait(set(self._opening), timeout=_ON_THEIR_WAY_S)
            await asyncio.gather(*(_cancelled(each) for each in self._opening), return_exceptions=True)
        while self._idle:
            await self._close(self._idle.pop())


class Spread(httpx.AsyncBaseTransport):
    """Requests drawn at random over several transports, each with connections of its own."""

    def __init__(self, transports: Sequence[httpx.AsyncBaseTransport]) -> None:
        self._transports = transports
        self._random = random.SystemRandom()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request over one of them."""
        return await self._random.choice(self._transports).handle_async_request(request)

    async def aclose(self) -> None:
        """Close all of them."""
        for transport in self._transports:
            await transport.aclose()


class _Connection(httpcore.AsyncHTTPConnection):
    """A connection that also closes the stream that was opened for it, used or not."""

    def __init__(
        self,
        origin: httpcore.Origin,
        context: ssl.SSLContext,
        backend: httpcore.AsyncNetworkBackend,
        opened: httpcore.AsyncNetworkStream | None = None,
    ) -> None:
        super().__init__(origin, ssl_context=context, network_backend=backend)
        self._opened = opened

    def has_leftovers(self) -> bool:
        """Whether more came than the response: it would be taken for the next one."""
        # Not public in httpcore; the tests of the senders hold it.
        leftovers, _ = self._connection._h11_state.trailing_data  # type: ignore[union-attr]
        return bool(leftovers)

    async def aclose(self) -> None:
        await super().aclose()
        if self._opened is not None:
            await self._opened.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, owner: Connections, connection: _Connection, response: httpcore.Response) -> None:
        self._owner = owner
        self._connection = connection
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._response.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        with _translated():
            await self._response.aclose()
        await self._owner.give_back(self._connection)


class _Opened(httpcore.AsyncNetworkBackend):
    """Hands out one stream that is open, and encrypted, already."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """The stream, whatever is asked for: its connection has one origin."""
        return _Encrypted(self._stream)


class _Network(httpcore.AsyncNetworkBackend):
    """The network, read in small pieces."""

    def __init__(self) -> None:
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection."""
        options = [*(socket_options or ()), _LITTLE_AHEAD]
        return _Stream(await self._backend.connect_tcp(host, port, timeout, local_address, options))


class _Stream(httpcore.AsyncNetworkStream):
    """A stream that is read in small pieces."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._stream.read(min(max_bytes, _READ_BYTES), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        try:
            return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:  # a handshake that is given up would leave its socket open
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Encrypted(_Stream):
    """An open stream whose TLS handshake is done."""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002
        server_hostname: str | None = None,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return self._stream


def _cancelled(task: asyncio.Future[None]) -> asyncio.Future[None]:
    task.cancel()
    return task


def _origin(url: httpx.URL) -> httpcore.Origin:
    port = url.port if url.port is not None else (443 if url.scheme == "https" else 80)
    return httpcore.Origin(url.raw_scheme, url.raw_host, port)


_TRANSLATIONS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.TimeoutException, httpx.ReadTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.NetworkError, httpx.ReadError),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.ProtocolError, httpx.RemoteProtocolError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
)


@contextmanager
def _translated() -> Iterator[None]:
    """httpcore's exceptions as httpx's, once, at the seam."""
    try:
        yield
    except tuple(theirs for theirs, _ in _TRANSLATIONS) as error:
        for theirs, ours in _TRANSLATIONS:
            if isinstance(error, theirs):
                raise ours(str(error)) from error
        raise
