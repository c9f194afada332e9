"""libcurl behind the event loop: one multi handle, the connections that it keeps, and its transfers."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pycurl

from tenantcheck.model import Call, Reply
from tenantcheck.run.senders.sender import (
    MAX_BODY_BYTES,
    MAX_PIECES,
    LostKind,
    Room,
    decoded,
    lost,
    timed_out,
    untrusted,
)
from tenantcheck.run.senders.sockets import READ, WRITE, Sockets

#: Kept-alive connections: more than requests are ever in flight.
_MAX_CONNECTIONS = 2_000
#: A server that loses so many requests on connections that it had kept seems to keep none: each is used once then.
_LOST_AT_ONCE = 2
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_WANTED = {pycurl.POLL_IN: READ, pycurl.POLL_OUT: WRITE, pycurl.POLL_INOUT: READ | WRITE}
_TLS_ERRORS = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_ISSUER_ERROR,
    }
)
_KINDS: dict[int, LostKind] = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_COULDNT_RESOLVE_HOST: "connect",
    pycurl.E_COULDNT_RESOLVE_PROXY: "connect",
    pycurl.E_URL_MALFORMAT: "protocol",
    pycurl.E_UNSUPPORTED_PROTOCOL: "protocol",
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "protocol",
    **dict.fromkeys(_TLS_ERRORS, "tls"),
}


#: What libcurl's number for an error means, where more can be said than its kind.
_TOLD = {
    pycurl.E_COULDNT_RESOLVE_HOST: "the host name was not found",
    pycurl.E_COULDNT_RESOLVE_PROXY: "the proxy's host name was not found",
    pycurl.E_ABORTED_BY_CALLBACK: "the connection was closed without an answer",
}
#: Bytes and lines of an answer's headers, those of the answers before it (1xx, a proxy's) among them.
_MAX_HEADER_BYTES = 1 << 16
_MAX_HEADER_LINES = 1_000


_BEYOND_FREE = MAX_BODY_BYTES - Room.FREE_BYTES


@dataclass
class Shared:
    """What all lanes of one sender share."""

    room: Room = field(default_factory=Room)
    on_kept: int = 0
    """Requests that were lost because the server ended a connection that it had kept."""

    @property
    def keeps(self) -> bool:
        """Whether connections are worth keeping."""
        return self.on_kept < _LOST_AT_ONCE


class Lane:
    """Sends calls through one libcurl multi handle, over connections of its own.

    To be made and used inside a running event loop that watches descriptors, as all do but Windows' own. `options`
    are libcurl's, the same for every request; `shared` is what the lanes have in common.
    """

    def __init__(self, options: list[tuple[int, Any]], timeout_s: float, sockets: Sockets, shared: Shared) -> None:
        self._timeout_s = timeout_s
        self._options = options
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        try:
            self._multi = pycurl.CurlMulti()
        except pycurl.error:  # it needs descriptors of its own
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE)) from None
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)
        self._multi.setopt(pycurl.M_MAXCONNECTS, _MAX_CONNECTIONS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._socket_wanted)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._timer_wanted)
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._sockets = sockets
        self._loop.add_reader(self._sockets.fileno(), self._sockets_ready)
        self._ended_idle: set[int] = set()
        """Local ports of connections on which something came while they were idle: the end of them, as a rule."""
        self._idle: dict[tuple[str, bool], list[_Transfer]] = {}
        self._in_flight: dict[pycurl.Curl, _Transfer] = {}

    async def send(self, call: Call) -> Reply:
        """Send one call."""
        idle = self._idle.setdefault((call.method, bool(call.body)), [])
        try:
            transfer = idle.pop() if idle else _Transfer(call, self._options, self._ended_idle)
            transfer.prepare(call, keep=self._shared.keeps)
            transfer.enter(self._shared.room, lambda: self._loop.call_soon(self._read_on, transfer))
        except (ValueError, pycurl.error):  # their texts quote what can't be sent
            return lost("protocol")
        try:
            problem = await self._run(transfer)
            while transfer.stale:  # that connection is gone now, and nothing was written to it
                problem = await self._run(transfer)
            if problem is not None and problem[0] == pycurl.E_ABORTED_BY_CALLBACK:
                self._shared.on_kept += 1
            reply = transfer.reply(problem, self._timeout_s)
        except pycurl.error:
            return lost("protocol")
        finally:
            transfer.leave()
        idle.append(transfer)
        return reply

    def _read_on(self, transfer: _Transfer) -> None:
        """There is room for the rest of an answer."""
        if transfer.curl in self._in_flight:
            transfer.curl.pause(pycurl.PAUSE_CONT)
            self._time_is_up()

    async def _run(self, transfer: _Transfer) -> tuple[int, str] | None:
        """Let libcurl run one transfer. Returns what went wrong, with libcurl's number for it."""
        transfer.stale = transfer.connects = False
        transfer.ended = self._loop.create_future()
        self._multi.add_handle(transfer.curl)
        self._in_flight[transfer.curl] = transfer
        try:
            return await transfer.ended
        finally:
            if self._in_flight.pop(transfer.curl, None) is not None:  # cancelled
                self._multi.remove_handle(transfer.curl)

    def _socket_wanted(self, event: int, descriptor: int, _multi: Any, _data: Any) -> None:
        """libcurl says what it waits for on a socket."""
        if event == pycurl.POLL_REMOVE:
            self._sockets.leave(descriptor)
        else:
            self._sockets.want(descriptor, _WANTED[event])

    def _sockets_ready(self) -> None:
        for descriptor, events in self._sockets.ready():
            if events:
                self._multi.socket_action(descriptor, events)  # its flags have the same numbers
            else:
                port = _local_port(descriptor)
                if port is not None:
                    self._ended_idle.add(port)
        self._collect()

    def _timer_wanted(self, milliseconds: int) -> None:
        """libcurl says when it wants to be called at the latest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds > 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._time_is_up)
        elif milliseconds == 0 and self._soon is None:
            self._soon = self._loop.call_soon(self._time_is_up)

    def _time_is_up(self) -> None:
        self._soon = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()

    def _collect(self) -> None:
        """Tell those who wait what has ended."""
        queued = 1
        while queued:
            queued, served, failed = self._multi.info_read()
            for curl in served:
                self._ended(curl, None)
            for curl, number, text in failed:
                self._ended(curl, (number, text))

    def _ended(self, curl: pycurl.Curl, problem: tuple[int, str] | None) -> None:
        transfer = self._in_flight.pop(curl)
        self._multi.remove_handle(curl)
        if not transfer.ended.done():
            transfer.ended.set_result(problem)

    def close(self) -> None:
        """Close all connections; what is in flight is lost."""
        for curl in list(self._in_flight):
            self._ended(curl, (pycurl.E_ABORTED_BY_CALLBACK, ""))
        for handle in (self._timer, self._soon):
            if handle is not None:
                handle.cancel()
        self._loop.remove_reader(self._sockets.fileno())
        self._multi.close()
        for transfers in self._idle.values():
            for transfer in transfers:
                transfer.curl.close()
        self._sockets.close()


class _Transfer:
    """One libcurl handle, used for one request after the other of one method, with or without a body."""

    ended: asyncio.Future[tuple[int, str] | None]

    def __init__(self, call: Call, options: list[tuple[int, Any]], ended_idle: set[int]) -> None:
        if not _METHOD.fullmatch(call.method):
            raise ValueError
        self._ended_idle = ended_idle
        self.curl = curl = pycurl.Curl()
        for option, value in options:
            if value is None:
                curl.unsetopt(option)
            else:
                curl.setopt(option, value)
        if call.method == "HEAD":
            if call.body:
                raise ValueError  # libcurl would wait for a body in the answer
            curl.setopt(pycurl.NOBODY, 1)
        elif call.method != "GET":
            curl.setopt(pycurl.CUSTOMREQUEST, call.method)
        self._head: list[bytes] = []
        self._body: list[bytes] = []
        self._url = ""
        self._keep = True
        curl.setopt(pycurl.HEADERFUNCTION, self._header)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.SOCKOPTFUNCTION, self._about_to_connect)
        curl.setopt(pycurl.PREREQFUNCTION, self._about_to_send)
        self.connects = False
        """The transfer opened a connection."""
        self.stale = False
        """It was given an idle connection that can't be used any more, and ended there."""
        self._left = MAX_BODY_BYTES
        self._head_left = _MAX_HEADER_BYTES
        self._room = Room()
        self._has_room = False
        self._sent = False
        self._begun_ns = 0

    def prepare(self, call: Call, *, keep: bool) -> None:
        """Take the next request, and `keep` its connection for others. Raises `ValueError` or libcurl's error for one
        that can't be sent."""
        keep = keep and not any(name.lower() == "connection" for name, _ in call.headers)
        if keep != self._keep:
            self._keep = keep
            self.curl.setopt(pycurl.FRESH_CONNECT, 0 if keep else 1)
            self.curl.setopt(pycurl.FORBID_REUSE, 0 if keep else 1)
        lines = [f"{name}: {value}" if value else f"{name};" for name, value in call.headers]
        written = "".join(lines)
        if "\r" in written or "\n" in written or "\0" in written:
            raise ValueError
        if call.url != self._url:
            self.curl.setopt(pycurl.URL, call.url)
            self._url = call.url
        if call.body:
            self.curl.setopt(pycurl.POSTFIELDS, call.body)
            lines.append("Expect:")
            if not any(name.lower() == "content-type" for name, _ in call.headers):
                lines.append("Content-Type:")  # libcurl would say that it is a form
            if call.method == "GET":
                self.curl.setopt(pycurl.CUSTOMREQUEST, "GET")
        elif call.method in ("POST", "PUT", "PATCH"):
            lines.append("Content-Length: 0")
        if lines:
            self.curl.setopt(pycurl.HTTPHEADER, lines)
        else:
            self.curl.unsetopt(pycurl.HTTPHEADER)  # an empty list would leave those of the request before
        self._left = MAX_BODY_BYTES
        self._head_left = _MAX_HEADER_BYTES
        self._sent = False
        self._begun_ns = time.monotonic_ns()

    def enter(self, room: Room, read_on: Callable[[], object]) -> None:
        """Share `room` with the others; `read_on` is called when there is some for the rest of the answer."""
        self._room, self._read_on = room, read_on

    def leave(self) -> None:
        """The answer was read, or nothing more is wanted of it."""
        self._head.clear()
        self._body.clear()
        self._room.forget(self._room_is_free)
        if self._has_room:
            self._has_room = False
            self._room.give()

    def _room_is_free(self) -> None:
        self._has_room = True
        self._read_on()

    def _about_to_connect(self, *_: Any) -> int:
        self.connects = True
        return 0

    def _about_to_send(self, _ip: str, _local_ip: str, _port: int, local_port: int) -> int:
        # libcurl looks at idle connections once a second at the most: one that has ended may be given to a request.
        ended = local_port in self._ended_idle
        self._ended_idle.discard(local_port)
        self.stale = ended and not self.connects
        # It also sends a request again by itself when a connection that it had used before ends without an answer.
        # The function may have run: once is all.
        if self.stale or self._sent:
            return int(pycurl.PREREQFUNC_ABORT)
        self._sent = True
        return int(pycurl.PREREQFUNC_OK)

    def _header(self, line: bytes) -> int | None:
        self._head.append(line)
        self._head_left -= len(line)
        return 0 if self._head_left < 0 or len(self._head) > _MAX_HEADER_LINES else None  # 0 ends the transfer

    def _write(self, chunk: bytes) -> int | None:
        left = self._left - len(chunk)
        if left < _BEYOND_FREE and not self._has_room:
            if not self._room.take(self._room_is_free):
                return int(pycurl.WRITEFUNC_PAUSE)  # the chunk comes again
            self._has_room = True
        self._left = left
        self._body.append(chunk)
        if len(self._body) >= MAX_PIECES:
            self._left = -1
        return 0 if self._left < 0 else None

    def reply(self, problem: tuple[int, str] | None, timeout_s: float) -> Reply:
        """What came back."""
        truncated = self._left < 0
        if problem is not None and not truncated:
            return self._lost(*problem, timeout_s)
        raw, headers = b"".join(self._body), _headers(self._head)
        encoding = ""
        for name, value in headers:
            if name.lower() == "content-encoding":
                encoding = value
        body, truncated = decoded(raw, encoding, truncated=truncated)
        return Reply(
            status=self.curl.getinfo(pycurl.RESPONSE_CODE),
            headers=headers,
            body=body,
            truncated=truncated,
            first_byte_ns=self._begun_ns + 1_000 * self.curl.getinfo(pycurl.STARTTRANSFER_TIME_T),
        )

    def _lost(self, number: int, words: str, timeout_s: float) -> Reply:
        kind = _KINDS.get(number, "read")
        if kind == "timeout":
            return timed_out(timeout_s)
        if number == pycurl.E_PEER_FAILED_VERIFICATION:
            return untrusted(self.curl.getinfo(pycurl.SSL_VERIFYRESULT) or _OTHER_NAME, words)
        if self._head_left < 0 or len(self._head) > _MAX_HEADER_LINES:
            return lost("protocol", told="the headers are too large")
        if (status := self.curl.getinfo(pycurl.HTTP_CONNECTCODE)) >= 300:
            return lost("connect", words=words, told=f"the proxy answered HTTP {status}")
        return lost(kind, number=self.curl.getinfo(pycurl.OS_ERRNO), words=words, told=_TOLD.get(number, ""))


#: OpenSSL's number for a certificate that is for another host name. libcurl looks at the name itself.
_OTHER_NAME = 62


def _local_port(descriptor: int) -> int | None:
    """The local port of a TCP socket; None where it is none, or was closed in the meantime."""
    try:
        with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as copy:
            name = copy.getsockname()
    except OSError:
        return None
    return name[1] if isinstance(name, tuple) else None


def _headers(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    """The headers of the final response: those before it are of 1xx responses and proxies, and trailers follow."""
    headers: list[tuple[str, str]] = []
    ended = True
    for line in lines:
        if ended:
            if not line.startswith(b"HTTP/"):
                break  # trailers
            headers.clear()
            ended = False
            continue
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers.append((name, value.strip()))
        else:
            ended = not name.strip()
    return tuple(headers)
