"""Weather between client and lab: requests that arrive late, connections that break."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from tenantcheck.lab.faults import Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def weathered(faults: Faults, tenant_of: Callable[[web.Request], str | None], handler: Handler) -> Handler:
    """`handler` behind the weather of a lab; `tenant_of` is whom a request is sent for."""

    async def handle(request: web.Request) -> web.StreamResponse:
        tenant = tenant_of(request)
        distance_s = faults.distance_s()
        delay_s = faults.delay_s(tenant) + distance_s
        if delay_s:
            await asyncio.sleep(delay_s)
        if faults.dropped(tenant):
            return _broken(request)
        response = await handler(request)
        if distance_s:
            await asyncio.sleep(distance_s)
        return _broken(request) if faults.lost(tenant) else response

    return handle


def _broken(request: web.Request) -> web.StreamResponse:
    """Close the connection; nothing is answered."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
