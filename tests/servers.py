"""Small servers that misbehave: raw bytes over a loopback socket, in a thread of their own."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Hands each request (head and body, as bytes) to `answer`, which writes whatever it likes."""

    def __init__(self, answer: Answer, *, tls: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._tls = tls
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.requests: list[bytes] = []
        self.first_at = 0.0
        """Monotonic time of the first one."""
        self.connections = 0
        self.answered = 0
        """Requests on which nothing more is done."""
        self.port = 0

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}"

    def __enter__(self) -> RawServer:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                tasks.add(task)
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
                    await self._converse(reader, writer)
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        # asyncio loses a connection that it accepts in the turn in which its server closes: first stop accepting.
        self._loop.remove_reader(server.sockets[0].fileno())
        await _let_the_loop_turn()  # connections that were just accepted begin
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _let_the_loop_turn()  # aborted transports close their sockets

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            request = head + await reader.readexactly(length)
            self.first_at = self.first_at or time.monotonic()
            self.requests.append(request)
            await self._answer(request, writer)
            if not writer.is_closing():
                await writer.drain()
                self.answered += 1
                continue
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.answered += 1
            return


async def _let_the_loop_turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def response(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """A complete HTTP/1.1 response."""
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def always(answer: bytes) -> Answer:
    """Answers every request with the same bytes."""

    async def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return respond


async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
    """A body that never ends, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


#: Three mebibytes in chunks beside a length that says there are two bytes: the chunks count (RFC 9112, 6.3).
CHUNKS_BESIDE_A_LENGTH = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"
    + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 48
    + b"0\r\n\r\n"
)


async def silent(_: bytes, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    await asyncio.sleep(3600)


async def dropped(_: bytes, writer: asyncio.StreamWriter) -> None:
    """The connection closes in the middle of the body."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()
