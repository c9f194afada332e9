"""What a target does: turn a drawn request into a call, and a reply into an outcome."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tenantcheck.model import ObservedOutcome, PlatformRecord, Reply, Request
from tenantcheck.model.call import Call
from tenantcheck.model.text import printable

#: Response headers that a history keeps. Nothing in them is a secret.
KEPT_HEADERS = frozenset(
    {
        "x-amzn-requestid",
        "x-amz-apigw-id",
        "x-amzn-trace-id",
        "x-amz-cf-id",
        "x-cache",
        "age",
        "retry-after",
        "x-amz-executed-version",
        "x-amz-function-error",
        "x-amzn-errortype",
    }
)


class Outcome(NamedTuple):
    """How a request ended."""

    kind: ObservedOutcome
    error_kind: str | None = None
    error_text: str | None = None


SERVED, NO_WITNESS = Outcome("served"), Outcome("no-witness")


class Target(Protocol):
    """Something that requests can be sent to."""

    url: str
    """Where connections go."""
    unwraps: bool
    """A handler's proxy answer (`statusCode`, `body`) arrives unopened."""

    async def refresh(self) -> None:
        """Freeze credentials for the next wave."""
        ...

    def leave_out(self, parts: Sequence[str]) -> None:
        """Prepare requests without these optional parts from now on."""
        ...

    def prepare(self, request: Request) -> Call:
        """Encode and sign one request."""
        ...

    def outcome(self, reply: Reply, *, witnessed: bool, proxy_status: int | None) -> Outcome:
        """Class of a reply."""
        ...

    def platform(self, reply: Reply) -> PlatformRecord | None:
        """What the tail of the platform's log says, where the reply carries one."""
        ...


def kept_headers(reply: Reply) -> dict[str, str]:
    """Response headers of the closed list, bounded."""
    return {name.lower(): printable(value) for name, value in reply.headers if name.lower() in KEPT_HEADERS}


def media_type(reply: Reply) -> str | None:
    """Type and subtype of the body, where the reply names them in the form they have (RFC 9110, 8.3.1)."""
    named = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    return named if _MEDIA_TYPE.fullmatch(named) else None


_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")


def http_outcome(status: int, *, witnessed: bool) -> Outcome:
    """Class of an HTTP status of a service in front of a handler."""
    if status < 400:
        return SERVED if witnessed else NO_WITNESS
    text = f"HTTP {status}"
    if status == 429:
        return Outcome("throttled", "http-429", text)
    if status in (500, 502):
        # API Gateway answers 502 when the handler raised, timed out or answered nonsense.
        return Outcome("function-error", f"http-{status}", text)
    if status >= 500 or status == 408:
        return Outcome("service-error", f"http-{status}", text)
    return Outcome("refused", f"http-{status}", text)
