"""The fast sender: reqwest (Rust) behind asyncio. Used by itself when the `fast` extra is installed.

reqwest opens a connection when a request needs one and can't do so ahead. It adds certificate authorities to its
own instead of replacing them: where the user names some, the other sender is used.
"""

from __future__ import annotations

import time
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.http import Url
from pyreqwest.response import ResponseBodyReader

from tenantcheck.errors import TargetError
from tenantcheck.model import Call, Reply
from tenantcheck.senders.sender import MAX_BODY_BYTES, USER_AGENT, SenderSettings, decoded

_CHUNK_BYTES = 64 << 10


class PyreqwestSender:
    """Sends calls through one pyreqwest client."""

    def __init__(self, settings: SenderSettings) -> None:
        self._timeout_s = settings.timeout_s
        self._client = _client(settings)
        self._url: tuple[str, Url] | None = None

    async def connect(self, url: str, connections: int) -> None:
        """Nothing to do: reqwest connects when a request needs it."""

    async def send(self, call: Call) -> Reply:
        """Send one call."""
        try:
            return await self._exchange(call)
        except RequestTimeoutError:
            return Reply(error_kind="timeout", error_text=f"no complete answer within {self._timeout_s:g} s")
        except ConnectError as error:
            text = _text(error)
            return Reply(error_kind="tls" if "certificate" in text.lower() else "connect", error_text=text)
        except (BuilderError, ValueError) as error:
            return Reply(error_kind="protocol", error_text=type(error).__name__)
        except PyreqwestError as error:
            return Reply(error_kind="read", error_text=_text(error))

    async def _exchange(self, call: Call) -> Reply:
        builder = self._client.request(call.method, self._parsed(call.url)).headers(list(call.headers))
        if call.body:
            builder = builder.body_bytes(call.body)
        exchange = builder.build_streamed()
        response = await exchange.__aenter__()
        whole = False
        try:
            first_byte_ns = time.monotonic_ns()
            status, headers = response.status, tuple(response.headers.items())
            length = response.get_header("content-length")
            # Beside chunks a length means nothing.
            chunked = response.get_header("transfer-encoding") is not None
            if length is not None and not chunked and length.isdecimal() and int(length) <= MAX_BODY_BYTES:
                raw, truncated = (await response.bytes()).to_bytes(), False
            else:
                raw, truncated = await _read(response.body_reader)
            encoding = response.get_header("content-encoding") or ""
            whole = not truncated
        finally:
            # After the last byte there is nothing to leave, and leaving takes as long as a read.
            if not whole:
                await exchange.__aexit__(None, None, None)
        body, truncated = decoded(raw, encoding, truncated=truncated)
        return Reply(status=status, headers=headers, body=body, truncated=truncated, first_byte_ns=first_byte_ns)

    def _parsed(self, url: str) -> Url:
        """The URL as reqwest takes it; most calls have the same one."""
        if self._url is None or self._url[0] != url:
            self._url = (url, Url(url))
        return self._url[1]

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


async def _read(reader: ResponseBodyReader) -> tuple[bytes, bool]:
    body = bytearray()
    while (chunk := await reader.read(_CHUNK_BYTES)) is not None:
        body += chunk.to_bytes()
        if len(body) > MAX_BODY_BYTES:
            return bytes(body), True
    return bytes(body), False


def _client(settings: SenderSettings) -> Client:
    builder = (
        ClientBuilder()
        .follow_redirects(False)
        .referer(False)
        .http1_only()
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .user_agent(USER_AGENT)
        .timeout(timedelta(seconds=settings.timeout_s))
        .pool_idle_timeout(timedelta(seconds=30))
        .danger_accept_invalid_certs(settings.insecure)
    )
    if settings.direct:
        builder = builder.no_proxy()
    try:
        return builder.build()
    except BuilderError as error:
        raise TargetError(f"the HTTP client can't be set up: {_text(error)}") from error


def _text(error: PyreqwestError) -> str:
    """The innermost cause: the outer ones quote the URL, which may carry secrets."""
    details = getattr(error, "details", None) or {}
    causes = details.get("causes") or []
    innermost = causes[-1].get("message", "") if causes else ""
    if "://" in innermost:
        innermost = ""
    return f"{type(error).__name__}: {innermost}"[:300]
