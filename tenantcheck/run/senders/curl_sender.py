"""The fast sender: libcurl in the event loop's own thread. Used by itself when the `fast` extra is installed.

libcurl opens a connection when a request needs one and can't do so ahead. Which of the connections that it keeps a
request is given is its own choice, so connections are spread over lanes, and each request draws its lane at random.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pycurl

from tenantcheck.model import Call, Reply
from tenantcheck.run.senders.curl_lane import Lane, Shared
from tenantcheck.run.senders.sender import LEAST_CONNECTIONS, USER_AGENT, SenderSettings, authorities, proxy_of
from tenantcheck.run.senders.sockets import Sockets, open_sockets


class CurlSender:
    """Sends calls through libcurl; to be made and used inside a running event loop."""

    def __init__(self, settings: SenderSettings, url: str, sockets: Callable[[], Sockets] = open_sockets) -> None:
        options = _options(settings, url)
        shared = Shared()
        self._lanes = [Lane(options, settings.timeout_s, sockets(), shared) for _ in range(LEAST_CONNECTIONS)]
        self._random = random.SystemRandom()

    async def send(self, call: Call) -> Reply:
        """Send one call."""
        return await self._random.choice(self._lanes).send(call)

    async def close(self) -> None:
        """Close all connections; what is in flight is lost."""
        for lane in self._lanes:
            lane.close()


def _options(settings: SenderSettings, url: str) -> list[tuple[int, Any]]:
    """What is the same in every request. Raises `UsageError` for authorities that can't be read."""
    file, folder = authorities(settings)
    proxy = None if settings.direct else proxy_of(url)
    options: list[tuple[int, Any]] = [
        (pycurl.NOSIGNAL, 1),
        (pycurl.TIMEOUT_MS, max(1, round(settings.timeout_s * 1000))),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.USERAGENT, USER_AGENT),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.HTTP_CONTENT_DECODING, 0),
        (pycurl.PROXY, proxy.url if proxy is not None else ""),
        (pycurl.NOPROXY, ""),
        (pycurl.SSL_VERIFYPEER, 0 if settings.insecure else 1),
        (pycurl.SSL_VERIFYHOST, 0 if settings.insecure else 2),
        (pycurl.CAINFO, file),  # None: not those that libcurl was built with either
        (pycurl.CAPATH, folder),
        (pycurl.PROXY_SSL_VERIFYPEER, 0 if settings.insecure else 1),
        (pycurl.PROXY_SSL_VERIFYHOST, 0 if settings.insecure else 2),
        (pycurl.PROXY_CAINFO, file),
        (pycurl.PROXY_CAPATH, folder),
    ]
    if proxy is not None and proxy.user:
        options += [(pycurl.PROXYUSERNAME, proxy.user), (pycurl.PROXYPASSWORD, proxy.password)]
    return options
