"""Lambda's Invoke operation, as boto3 and the AWS CLI call it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import uuid
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from tenantcheck.lab.function import Function
from tenantcheck.lab.tenancy import RefusedError

PATH = "/2015-03-31/functions/{name}/invocations"
CONFIGURATION_PATH = "/2015-03-31/functions/{name}/configuration"
#: Everything else that looks like an operation of Lambda's API.
OTHER_OPERATIONS = r"/{version:\d{4}-\d{2}-\d{2}}/{rest:.*}"
MAX_PAYLOAD_BYTES = 6 << 20
#: Of an event that nobody waits for.
MAX_EVENT_BYTES = 1 << 20
_ACCOUNT = "000000000000"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/,\s]+/\d{8}/(?P<region>[a-z0-9-]+)/lambda/aws4_request,\s*"
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+),\s*Signature=[0-9a-f]{64}"
)
_NAME = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:|(?:\d{12}:)?(?:function:)?)"
    r"(?P<name>[a-zA-Z0-9_-]+)(?::(?P<qualifier>[$a-zA-Z0-9_-]+))?"
)


class InvokeApi:
    """Answers Invoke requests for some functions."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._functions = {function.settings.name: function for function in functions}
        self._events: set[asyncio.Task[Any]] = set()

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        """One Invoke request; errors have AWS's shape."""
        request_id = str(uuid.uuid4())
        try:
            return await self._invoke(request, request_id)
        except RefusedError as refused:
            return _refusal(refused, request_id)

    async def other(self, request: web.Request) -> web.StreamResponse:
        """Any other operation: refused by name, and never run by the front."""
        rest = request.match_info["rest"]
        named = next((name for end, name in _NOT_OFFERED.items() if rest.rstrip("/").endswith(end)), None)
        what = f"{named} is not offered by this lab" if named else "the lab knows no operation but Invoke"
        refused = RefusedError(404, "UnknownOperationException", f"{request.method} {request.path[:200]}: {what}")
        return _refusal(refused, str(uuid.uuid4()))

    async def configuration(self, request: web.Request) -> web.StreamResponse:
        """GetFunctionConfiguration: the little that the lab has of it."""
        request_id = str(uuid.uuid4())
        try:
            region = _check_signature(request)
            function, arn = self._find_function(request.match_info["name"], request.query.get("Qualifier"), region)
        except RefusedError as refused:
            return _refusal(refused, request_id)
        told: dict[str, Any] = {
            "FunctionName": function.settings.name,
            "FunctionArn": arn,
            "Version": "$LATEST",
            "Timeout": max(1, round(function.settings.timeout_s)),
            "MemorySize": 128,
            "LoggingConfig": {
                "LogFormat": "JSON" if function.settings.log_format == "json" else "Text",
                "LogGroup": function.log_group,
            },
        }
        if function.settings.isolation != "none":
            told["TenancyConfig"] = {"TenantIsolationMode": "PER_TENANT"}
        return web.json_response(told, headers=_headers(request_id))

    async def _invoke(self, request: web.Request, request_id: str) -> web.StreamResponse:
        region = _check_signature(request)
        function, arn = self._find_function(request.match_info["name"], request.query.get("Qualifier"), region)
        tenant = request.headers.get("X-Amz-Tenant-Id")
        function.check_tenant(tenant)
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        payload = await _payload(request, MAX_EVENT_BYTES if kind == "Event" else MAX_PAYLOAD_BYTES)
        if kind == "DryRun":
            return web.Response(status=204, headers=_headers(request_id))
        run = function.invoke(
            payload,
            tenant,
            request_id=request_id,
            arn=arn,
            trace_id=request.headers.get("X-Amzn-Trace-Id", ""),
            client_context=_client_context(request),
        )
        if kind == "Event":
            self._in_background(run)
            return web.Response(status=202, headers=_headers(request_id))
        if kind != "RequestResponse":
            run.close()
            raise RefusedError(400, "InvalidParameterValueException", f"Unknown invocation type {kind[:64]!r}")
        outcome = await run
        headers = _headers(request_id) | {"X-Amz-Executed-Version": "$LATEST"}
        if outcome.error is not None:
            headers["X-Amz-Function-Error"] = outcome.error
        if request.headers.get("X-Amz-Log-Type") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(outcome.tail).decode()
        return web.Response(body=outcome.payload, content_type="application/json", headers=headers)

    def _in_background(self, run: Coroutine[Any, Any, Any]) -> None:
        async def swallow() -> None:
            with suppress(RefusedError):  # Lambda would retry later; nobody waits for the answer.
                await run

        task = asyncio.ensure_future(swallow())
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    def _find_function(self, given: str, qualifier: str | None, region: str) -> tuple[Function, str]:
        """The function of this name, and its ARN. Raises `RefusedError`."""
        match = _NAME.fullmatch(given)
        name = match["name"] if match else given
        asked = (match["qualifier"] if match else None) or qualifier or "$LATEST"
        arn = f"arn:aws:lambda:{region}:{_ACCOUNT}:function:{name}"
        function = self._functions.get(name)
        if function is None:
            raise RefusedError(404, "ResourceNotFoundException", f"Function not found: {arn}")
        if asked != "$LATEST":
            raise RefusedError(404, "ResourceNotFoundException", f"Function not found: {arn}:{asked}")
        return function, arn


def _check_signature(request: web.Request) -> str:
    """Presence and form of SigV4 (the value is not checked). Returns the signed region."""
    authorization = request.headers.get("Authorization")
    if authorization is None:
        raise RefusedError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None or "X-Amz-Date" not in request.headers:
        raise RefusedError(
            403,
            "IncompleteSignatureException",
            "Authorization header is not a complete AWS Signature Version 4",
        )
    signed = match["signed"].split(";")
    unsigned = [n for n in request.headers if n.lower().startswith("x-amz-") and n.lower() not in signed]
    if "host" not in signed or unsigned:
        raise RefusedError(
            403, "InvalidSignatureException", f"These headers must be signed: {', '.join(unsigned) or 'host'}"
        )
    return match["region"]


async def _payload(request: web.Request, limit: int) -> bytes:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        body = None
    if body is None or len(body) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise RefusedError(413, "RequestTooLargeException", message)
    try:
        json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            400, "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error
    return body


def _client_context(request: web.Request) -> str | None:
    encoded = request.headers.get("X-Amz-Client-Context")
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:
        raise RefusedError(
            400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
        ) from error


_NOT_OFFERED = {
    "response-streaming-invocations": "InvokeWithResponseStream",
    "invoke-async": "InvokeAsync",
}


def _headers(request_id: str) -> dict[str, str]:
    return {"x-amzn-RequestId": request_id}


def _refusal(refused: RefusedError, request_id: str) -> web.Response:
    return web.json_response(
        {"Type": "User", "message": refused.message, "Message": refused.message},
        status=refused.status,
        headers=_headers(request_id) | {"x-amzn-ErrorType": refused.kind},
    )
