"""The sender that works everywhere: httpx over any transport, by default one that connects ahead of a wave."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from tenantcheck.model import Call, Reply
from tenantcheck.senders.connections import Connections, Spread
from tenantcheck.senders.sender import (
    LEAST_CONNECTIONS,
    MAX_BODY_BYTES,
    USER_AGENT,
    Proxy,
    SenderSettings,
    authorities,
    decoded,
    proxy_of,
)


class HttpxSender:
    """Sends calls through an `httpx.AsyncBaseTransport`."""

    def __init__(
        self, settings: SenderSettings, url: str = "", transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        context = ssl_context(settings)
        self._timeout_s = settings.timeout_s
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
        except TimeoutError:
            return Reply(error_kind="timeout", error_text=f"no complete answer within {self._timeout_s:g} s")
        except httpx.TimeoutException as error:
            return _lost("timeout", error)
        except httpx.ConnectError as error:
            return _lost("tls" if "ssl" in repr(error).lower() else "connect", error)
        except (
            httpx.ProtocolError,
            httpx.InvalidURL,
            httpx.UnsupportedProtocol,
            ValueError,
            ExceptionGroup,
        ) as error:
            # Their texts quote headers and URLs, which may be secret. anyio groups what connecting raised.
            return Reply(error_kind="protocol", error_text=type(error).__name__)
        except (httpx.HTTPError, httpx.StreamError) as error:
            return _lost("read", error)

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
                raw, truncated = await _read(response.aiter_raw())
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


async def _read(chunks: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return bytes(body), True
    return bytes(body), False


def _through(proxy: Proxy, context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    """Connections through a proxy, opened on use."""
    own = (proxy.user, proxy.password) if proxy.user else None
    return httpx.AsyncHTTPTransport(
        verify=context,
        proxy=httpx.Proxy(proxy.url, ssl_context=context if proxy.url.startswith("https:") else None, auth=own),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None),
    )


def _lost(kind: str, error: Exception) -> Reply:
    return Reply(error_kind=kind, error_text=f"{type(error).__name__}: {error}"[:300])


def ssl_context(settings: SenderSettings) -> ssl.SSLContext:
    """Trust in the authorities that were named, or in nobody at all where that was wished. Raises `UsageError`."""
    file, folder = authorities(settings)
    context = ssl.create_default_context(cafile=file, capath=folder)
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
