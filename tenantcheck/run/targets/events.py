"""What a function is invoked with, in the shape that its handler is written for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tenantcheck.errors import UsageError
from tenantcheck.model.boundary import KEY_HEADER, NONCE_HEADER
from tenantcheck.model.secrets import leaves

NONCE_KEY = "tenantcheckNonce"
KEY_NAME = "tenantcheckKey"
RAW = "raw"


class Event(Protocol):
    """The event of every invocation but for what differs from request to request."""

    plain: bool
    """The handler is given the nonce and nothing else."""
    carries_nonce: bool
    tenants: int
    """How often the tenant's id stands in it."""

    def secrets(self) -> Sequence[str]:
        """What it carries and nobody may see."""
        ...

    def body(self, nonce: str, tenant: str) -> bytes:
        """The event of one invocation, as JSON."""
        ...


class Payload:
    """The payload with the nonce among its keys, or wrapped as a service in front of Lambda wraps it. Raises
    `UsageError` where the payload has no place for the key."""

    tenants = 0

    def __init__(self, shape: str, payload: bytes, key: str | None) -> None:
        self._wrap = SHAPES[shape]
        self._payload = _parsed(payload, "--payload")
        self._key = key
        self.plain = shape == RAW and self._payload == {}
        self.carries_nonce = shape != RAW or isinstance(self._payload, dict)
        if key is not None and not self.carries_nonce:
            raise UsageError("--witness-key has no place in this payload", "Make the payload an object.")

    def secrets(self) -> Sequence[str]:
        """What the payload holds, and the key."""
        return [*leaves(self._payload), *([self._key] if self._key is not None else [])]

    def body(self, nonce: str, tenant: str) -> bytes:  # noqa: ARG002
        """The event of one invocation, as JSON."""
        return json.dumps(self._wrap(self._payload, nonce, self._key)).encode()


class OwnEvent:
    """An event that the user wrote, with `{nonce}`, `{tenant}` and `{key}` where they belong. Raises `UsageError`."""

    plain = False

    def __init__(self, document: bytes, key: str | None) -> None:
        self._document = _parsed(document, "--event")
        self._texts = _PLACES.split(json.dumps(self._document))
        """Text and the name of a place, by turns."""
        self._key = key
        names = self._texts[1::2]
        self.carries_nonce = "nonce" in names
        self.tenants = names.count("tenant")
        if key is not None and "key" not in names:
            raise UsageError(
                "--witness-key has no place in this event", "Write {key} where the handler looks for it."
            )

    def secrets(self) -> Sequence[str]:
        """What the event holds besides its places, and the key."""
        texts = [text for leaf in leaves(self._document) for text in _PLACES.split(leaf)[::2] if text]
        return [*texts, *([self._key] if self._key is not None else [])]

    def body(self, nonce: str, tenant: str) -> bytes:
        """The event of one invocation, as JSON."""
        values = {"nonce": nonce, "tenant": tenant, "key": self._key or ""}
        texts = list(self._texts)
        texts[1::2] = [json.dumps(values[name])[1:-1] for name in texts[1::2]]
        return "".join(texts).encode()


_PLACES = re.compile(r"\{(nonce|tenant|key)\}")


def parse_event(event: bytes | str, payload: bytes, key: str | None) -> Event:
    """One of `SHAPES` around the payload, or an event of one's own as JSON. Raises `UsageError`."""
    if isinstance(event, str) and event in SHAPES:
        return Payload(event, payload, key)
    document = event.encode() if isinstance(event, str) else event
    if document.lstrip()[:1] not in (b"{", b"["):
        raise UsageError("--event: no such shape", f"Write {', '.join(SHAPES)}, or @FILE for an event of your own.")
    if payload.strip() not in (b"", b"{}"):
        raise UsageError("--payload and an event of your own exclude each other", "Put the payload into the event.")
    return OwnEvent(document, key)


def _parsed(text: bytes, option: str) -> Any:
    try:
        return json.loads(text or b"{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option} is not JSON", "Lambda takes JSON only; quote it for your shell.") from error


def _raw(payload: Any, nonce: str, key: str | None) -> Any:
    if not isinstance(payload, dict):
        return payload
    return {**payload, NONCE_KEY: nonce} | ({} if key is None else {KEY_NAME: key})


_ACCOUNT, _API = "123456789012", "tenantcheck"
_EPOCH_MS = 1_700_000_000_000
#: The same instant as API Gateway writes it.
_TIME = "14/Nov/2023:22:13:20 +0000"
_HOST = f"{_API}.execute-api.us-east-1.amazonaws.com"
_AGENT = "tenantcheck"
_BALANCER = f"arn:aws:elasticloadbalancing:us-east-1:{_ACCOUNT}:targetgroup/{_API}/0123456789abcdef"


def _headers(nonce: str, key: str | None) -> dict[str, str]:
    headers = {"content-type": "application/json", "host": _HOST, "user-agent": _AGENT, NONCE_HEADER: nonce}
    return headers | ({} if key is None else {KEY_HEADER: key})


def _many(values: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in values.items()}


def _rest_api(payload: Any, nonce: str, key: str | None) -> dict[str, Any]:
    """As a REST API with a proxy integration sends it (format 1.0)."""
    headers = _headers(nonce, key)
    return {
        "resource": "/",
        "path": "/",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": _many(headers),
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": _ACCOUNT,
            "apiId": _API,
            "domainName": _HOST,
            "domainPrefix": _API,
            "extendedRequestId": nonce[-16:],
            "httpMethod": "POST",
            "identity": {"sourceIp": "127.0.0.1", "userAgent": _AGENT},
            "path": "/prod/",
            "protocol": "HTTP/1.1",
            "requestId": nonce,
            "requestTime": _TIME,
            "requestTimeEpoch": _EPOCH_MS,
            "resourceId": "tenantcheck",
            "resourcePath": "/",
            "stage": "prod",
        },
        "body": json.dumps(payload),
        "isBase64Encoded": False,
    }


def _http_api(payload: Any, nonce: str, key: str | None) -> dict[str, Any]:
    """As an HTTP API sends it (format 2.0); function URLs use the same."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": _headers(nonce, key),
        "requestContext": {
            "accountId": _ACCOUNT,
            "apiId": _API,
            "domainName": _HOST,
            "domainPrefix": _API,
            "http": {
                "method": "POST",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": _AGENT,
            },
            "requestId": nonce,
            "routeKey": "$default",
            "stage": "$default",
            "time": _TIME,
            "timeEpoch": _EPOCH_MS,
        },
        "body": json.dumps(payload),
        "isBase64Encoded": False,
    }


def _alb(payload: Any, nonce: str, key: str | None) -> dict[str, Any]:
    """As an Application Load Balancer sends it, headers in both of its forms."""
    headers = _headers(nonce, key) | {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https"}
    return {
        "requestContext": {"elb": {"targetGroupArn": _BALANCER}},
        "httpMethod": "POST",
        "path": "/",
        "queryStringParameters": {},
        "multiValueQueryStringParameters": {},
        "headers": headers,
        "multiValueHeaders": _many(headers),
        "body": json.dumps(payload),
        "isBase64Encoded": False,
    }


#: What `--event` takes by name.
SHAPES: dict[str, Callable[[Any, str, str | None], Any]] = {
    RAW: _raw,
    "api-gateway": _rest_api,
    "http-api": _http_api,
    "alb": _alb,
}
