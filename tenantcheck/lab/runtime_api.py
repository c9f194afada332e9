"""Runtime API 2018-06-01 of one environment: next, response, error, init/error.

Each environment has a listener of its own, since runtime clients are told `host:port` and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from dataclasses import dataclass, field

from aiohttp import web

from tenantcheck.lab.processes import owns_connection
from tenantcheck.lab.quiet import LOGGER

_VERSION = "/2018-06-01/runtime"
#: Lambda's limit for what a handler returns.
MAX_RESPONSE_BYTES = 6_291_556
#: Errors with long messages and deep stacks travel in headers, which Lambda takes as they are.
_MAX_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One event for a runtime."""

    request_id: str
    payload: bytes
    tenant: str | None
    arn: str
    deadline_ms: int
    trace_id: str
    client_context: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the runtime said: a payload, or an error document."""

    payload: bytes
    failed: bool = False
    exits: bool = False
    """The runtime client exits because of it."""


@dataclass(eq=False)
class RuntimeApi:
    """The Runtime API as one process sees it."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """The process asked for its first event."""
    init_error: bytes | None = None
    port: int = 0
    owner: int | None = None
    """The process that it is for: nobody else on this machine is answered."""
    _owned: weakref.WeakSet[asyncio.BaseTransport] = field(default_factory=weakref.WeakSet)
    _waiting: asyncio.Queue[Invocation | None] = field(default_factory=asyncio.Queue)
    _answers: dict[str, asyncio.Future[Answer]] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _web: web.Server | None = None

    async def listen(self) -> None:
        """Open the listener on a free loopback port."""
        self._web = web.Server(
            self._handle, logger=LOGGER, max_line_size=_MAX_HEADER_BYTES, max_field_size=_MAX_HEADER_BYTES
        )
        self._server = await asyncio.get_running_loop().create_server(self._web, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Close the listener and whoever still waits on it."""
        self._waiting.put_nowait(None)
        if self._server is not None:
            self._server.close()
        if self._web is not None:
            await self._web.shutdown(timeout=0.1)

    def submit(self, invocation: Invocation) -> asyncio.Future[Answer]:
        """Hand one event to the process; the future is its answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[invocation.request_id] = future
        self._waiting.put_nowait(invocation)
        return future

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self._is_owner(request):
            return web.json_response({"errorMessage": "not for you", "errorType": "Forbidden"}, status=403)
        path = request.path.removeprefix(_VERSION)
        if request.method == "GET" and path == "/invocation/next":
            return await self._next()
        if request.method == "POST" and path == "/init/error":
            self.init_error = await request.read()
            self.ready.set()
            return _accepted()
        parts = path.split("/")
        if request.method == "POST" and len(parts) == 4 and parts[3] in ("response", "error"):
            return await self._answered(request, parts[2], failed=parts[3] == "error")
        return web.json_response({"errorMessage": "no such path", "errorType": "NotFound"}, status=404)

    def _is_owner(self, request: web.BaseRequest) -> bool:
        """Whether the process that this is for asks. A connection is looked up once."""
        transport = request.transport
        if transport is None or self.owner is None:
            return False
        if transport not in self._owned:
            peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            if not owns_connection(self.owner, peer, own):
                return False
            self._owned.add(transport)
        return True

    async def _next(self) -> web.StreamResponse:
        self.ready.set()
        invocation = await self._waiting.get()
        if invocation is None:
            return web.json_response({"errorMessage": "the environment ends", "errorType": "Gone"}, status=410)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.tenant is not None:
            headers["Lambda-Runtime-Aws-Tenant-Id"] = invocation.tenant
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        return web.Response(body=invocation.payload, content_type="application/json", headers=headers)

    async def _answered(self, request: web.BaseRequest, request_id: str, *, failed: bool) -> web.StreamResponse:
        future = self._answers.pop(request_id, None)
        payload = await _read_bounded(request)
        if future is None or future.done():
            return web.json_response({"errorMessage": "unknown request", "errorType": "InvalidRequestID"}, status=400)
        if payload is None:
            future.set_result(Answer(payload=_too_large(), failed=True, exits=True))
            return web.json_response({"errorMessage": "too large", "errorType": "RequestEntityTooLarge"}, status=413)
        future.set_result(Answer(payload=payload, failed=failed))
        return _accepted()


async def _read_bounded(request: web.BaseRequest) -> bytes | None:
    body = bytearray()
    async for chunk in request.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            return None
    return bytes(body)


def _too_large() -> bytes:
    return json.dumps(
        {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size "
            f"({MAX_RESPONSE_BYTES} bytes).",
        }
    ).encode()


def _accepted() -> web.Response:
    return web.json_response({"status": "OK"}, status=202)
