"""A front like an API Gateway REST API: `/{stage}/{path}` with a proxy integration and one mapped parameter."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from tenantcheck.lab.faults import Sent
from tenantcheck.lab.function import Function
from tenantcheck.lab.mapping import Mapping, bearer, claimed
from tenantcheck.lab.sandbox import Ended
from tenantcheck.lab.tenancy import RefusedError

#: The cookie that a front with a session sets.
_COOKIE = "lab-session"
_ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


class Front:
    """Maps one request header, or one query parameter, to the tenant. The client's own X-Amz-Tenant-Id is not
    forwarded. With an authorizer the tenant comes from the token instead."""

    def __init__(self, function: Function, *, tenant_header: str, tenant_query: str | None) -> None:
        self._function = function
        self._tenant_header = tenant_header
        self._tenant_query = tenant_query
        self._mapping = Mapping(function.faults, authorizer=function.settings.authorizer)
        self._caches = function.faults.caches
        self._cached: dict[str, web.Response] = {}
        self._merges = function.faults.merges
        self._running: dict[str, asyncio.Future[web.Response]] = {}

    def ids(self, request: web.Request) -> list[str]:
        """The tenant ids a request was sent with."""
        if self._tenant_query is not None:
            return request.query.getall(self._tenant_query, [])
        return request.headers.getall(self._tenant_header, [])

    def whose(self, request: web.Request) -> str | None:
        """Whom a request says it is sent for."""
        return next(iter(self.ids(request)), None) or bearer(request.headers.get("Authorization"))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request through the front."""
        if self._merges and request.method == "GET":
            return await self._merged(request)
        if not self._caches or request.method != "GET":
            return await self._answer(request)
        cached = self._cached.get(request.path_qs)
        if cached is None:
            cached = await self._answer(request)
            if cached.status == 200:
                self._cached[request.path_qs] = cached
        return web.Response(status=cached.status, body=cached.body, headers=cached.headers)

    async def _merged(self, request: web.Request) -> web.Response:
        """The answer to the first request for this URL that is in flight."""
        running = self._running.get(request.path_qs)
        if running is None:
            running = self._running[request.path_qs] = asyncio.ensure_future(self._answer(request))
            running.add_done_callback(lambda _: self._running.pop(request.path_qs))
        answer = await asyncio.shield(running)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def _answer(self, request: web.Request) -> web.Response:
        request_id = str(uuid.uuid4())
        faults = self._function.faults
        try:
            sent = await self._sent(request)
            tenant = self._tenant(sent)
            self._function.check_tenant(tenant)
            event = await _proxy_event(request, request_id)
            faults.choose(tenant)
            for _ in range(1 + faults.resent()):
                response = _unwrapped(await self._invoke(event, tenant, sent), request_id)
                if response.status < 500:
                    break
            if faults.mirrors not in (None, tenant):
                await self._invoke(_without_nonce(event), faults.mirrors, sent)
        except RefusedError as refused:
            return web.json_response(
                {"message": refused.message}, status=refused.status, headers=_headers(request_id)
            )
        if faults.sets_cookie:
            response.set_cookie(_COOKIE, uuid.uuid4().hex)
        return response

    async def _invoke(self, event: dict[str, Any], tenant: str | None, sent: Sent) -> Ended:
        return await self._function.invoke(
            json.dumps(event).encode(),
            tenant,
            request_id=str(uuid.uuid4()),
            arn=_ARN + self._function.settings.name,
            sent=sent,
        )

    async def _sent(self, request: web.Request) -> Sent:
        peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        head = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
        return Sent(
            ids=self.ids(request),
            reserved=request.headers.get("X-Amz-Tenant-Id"),
            bearer=bearer(request.headers.get("Authorization")),
            claimed=claimed(request.headers.get("Authorization")),
            connection=str(peer),
            nonce=request.headers.get("x-tenantcheck-nonce", ""),
            size=len(request.path_qs) + head + len(await request.read()),
            cookie=request.cookies.get(_COOKIE),
        )

    def _tenant(self, sent: Sent) -> str | None:
        tenant = self._mapping.tenant(sent, time.monotonic())
        return tenant if self._function.settings.isolation != "none" else None


def _without_nonce(event: dict[str, Any]) -> dict[str, Any]:
    """The event of a copy."""
    headers = {
        place: {name: value for name, value in event[place].items() if name.lower() != "x-tenantcheck-nonce"}
        for place in ("headers", "multiValueHeaders")
    }
    return event | headers | {"queryStringParameters": None}


async def _proxy_event(request: web.Request, request_id: str) -> dict[str, Any]:
    body = await request.read()
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    stage, path = request.match_info["stage"], request.match_info["path"]
    now = datetime.now(UTC)
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name, []).append(value)
    query: dict[str, list[str]] = {}
    for name, value in request.query.items():
        query.setdefault(name, []).append(value)
    return {
        "resource": "/{proxy+}",
        "path": f"/{path}",
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": path},
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/{proxy+}",
            "httpMethod": request.method,
            "path": f"/{stage}/{path}",
            "stage": stage,
            "requestId": request_id,
            "extendedRequestId": uuid.uuid4().hex[:16],
            "requestTime": f"{now:%d/%b/%Y:%H:%M:%S %z}",
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "protocol": "HTTP/1.1",
            "identity": {"sourceIp": request.remote, "userAgent": request.headers.get("User-Agent")},
            "apiId": "tenantcheck-lab",
            "accountId": "000000000000",
            "domainName": request.host,
            "domainPrefix": "tenantcheck-lab",
            "resourceId": "lab",
        },
        "body": text if body else None,
        "isBase64Encoded": encoded,
    }


def _unwrapped(outcome: Ended, request_id: str) -> web.Response:
    """The HTTP response a proxy integration makes of the handler's answer."""
    try:
        answer = json.loads(outcome.payload) if outcome.error is None else None
        if not isinstance(answer, dict):
            raise ValueError("not a proxy response")
        text = answer.get("body")
        if text is not None and not isinstance(text, str):
            raise ValueError("a proxy response has a text as body")
        body = (text or "").encode()
        headers = CIMultiDict(_headers(request_id))
        for name, value in (answer.get("headers") or {}).items():
            headers[name] = str(value)
        for name, values in (answer.get("multiValueHeaders") or {}).items():
            headers.popall(name, None)
            for value in values:
                headers.add(name, str(value))
        headers.setdefault("content-type", "application/json")
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body)
        return web.Response(status=int(answer["statusCode"]), body=body, headers=headers)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return web.json_response({"message": "Internal server error"}, status=502, headers=_headers(request_id))


def _headers(request_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id, "x-amz-apigw-id": uuid.uuid4().hex[:16]}
