"""Services over a loopback socket that answer with witnesses: each keeps environments its own way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.servers import RawServer, response


class Request(NamedTuple):
    """One request as a service sees it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """The client's port."""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def tenant(self) -> str:
        return self.headers.get("x-tenant-id", "")

    @property
    def nonce(self) -> str:
        return self.headers.get("x-tenantcheck-nonce", "")


class Reply(NamedTuple):
    """What it answers."""

    body: Any
    status: str = "200 OK"
    headers: str = ""


class Environments:
    """One environment per key, each with a counter; an answer names it."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def witness(self, key: str, request: Request, **changes: Any) -> dict[str, Any]:
        self.counts[key] = self.counts.get(key, 0) + 1
        honest = {
            "executionEnvironmentId": f"process-of-{key}",
            "sandboxId": f"sandbox-of-{key}",
            "invocationCount": self.counts[key],
            "tenantId": request.tenant,
            "nonce": request.nonce,
        }
        return {name: value for name, value in (honest | changes).items() if value is not None}


def service(answer: Callable[[Request], Reply]) -> RawServer:
    """A server of such a service."""

    async def respond(raw: bytes, writer: asyncio.StreamWriter) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        method, url, _ = line.split(" ")
        headers: dict[str, str] = {}
        for name, _, value in (each.partition(":") for each in lines):
            # Header lines of one name are combined: RFC 9110, 5.3.
            headers[name.lower()] = ", ".join([*filter(None, [headers.get(name.lower())]), value.strip()])
        reply = answer(Request(method, url, headers, body, writer.get_extra_info("peername")[1]))
        text = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        kind = "text/html" if isinstance(reply.body, bytes) else "application/json"
        writer.write(response(text, status=reply.status, headers=f"content-type: {kind}\r\n{reply.headers}"))

    return RawServer(respond)


REFUSED = Reply({"message": "Forbidden"}, "403 Forbidden")


def bounded(answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    """The service with a boundary: requests without a valid tenant are refused."""

    def respond(request: Request) -> Reply:
        if not request.tenant or {"!", ","} & set(request.tenant) or len(request.tenant) > 256:
            return REFUSED
        return answer(request)

    return respond
