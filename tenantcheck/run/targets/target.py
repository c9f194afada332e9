"""What a target does: turn a drawn request into a call, and a reply into an outcome."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tenantcheck.model import CACHE_HEADERS, AnswerKind, PlatformRecord, Reply, Request
from tenantcheck.model.call import Call, Envelope
from tenantcheck.model.document import decode
from tenantcheck.model.secrets import Secrets

#: Response headers that a history keeps, each in the form that it has: any other text is not kept.
KEPT_HEADERS: dict[str, re.Pattern[str]] = {
    "x-amzn-requestid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "x-amz-apigw-id": re.compile(r"[A-Za-z0-9_=-]{8,32}"),
    "x-amzn-trace-id": re.compile(r"(?P<kept>Root=1-[0-9a-f]{8}-[0-9a-f]{24})(;.*)?"),
    "x-amz-cf-id": re.compile(r"[A-Za-z0-9_=-]{40,72}"),
    "age": re.compile(r"[0-9]{1,10}"),
    "retry-after": re.compile(r"[0-9]{1,6}"),
    "x-amz-executed-version": re.compile(r"\$LATEST|[0-9]{1,20}"),
    "x-amz-function-error": re.compile(r"Handled|Unhandled"),
    "x-amzn-errortype": re.compile(r"(?P<kept>[A-Z][A-Za-z]{2,63})(:.*)?"),
}
_CACHE_WORDS = re.compile(
    # Behind it some say where: "Hit from cloudfront", "HIT, MISS".
    r"(?P<kept>(refresh)?hit|miss|expired|stale|bypass|revalidated|updating|dynamic|prerender|error|pass)\b.*",
    re.IGNORECASE,
)


class Classified(NamedTuple):
    """How a request ended."""

    kind: AnswerKind
    error_kind: str | None = None
    error_text: str | None = None


SERVED, NO_WITNESS = Classified("served"), Classified("no-witness")


class Target(Protocol):
    """Something that requests can be sent to."""

    url: str
    """Where connections go."""
    secrets: Secrets
    """What requests carry and nobody may see."""

    async def refresh(self) -> None:
        """Freeze credentials for the next wave."""
        ...

    def leave_out(self, parts: Sequence[str]) -> None:
        """Prepare requests without these optional parts from now on."""
        ...

    def prepare(self, request: Request) -> Call:
        """Encode and sign one request."""
        ...

    def opened(self, reply: Reply) -> Envelope | None:
        """What stands around the body of a reply, where the target puts something there."""
        ...

    def outcome(self, reply: Reply, *, witnessed: bool, proxy_status: int | None) -> Classified:
        """Class of a reply."""
        ...

    def platform(self, reply: Reply) -> PlatformRecord | None:
        """What the tail of the platform's log says, where the reply carries one."""
        ...


def kept_headers(reply: Reply, secrets: Secrets) -> dict[str, str]:
    """Response headers of the closed list that have the form they should have. What holds a secret is left out."""
    kept: dict[str, str] = {}
    for name, value in reply.headers:
        name = name.lower()
        form = _CACHE_WORDS if name in CACHE_HEADERS else KEPT_HEADERS.get(name)
        match = form.fullmatch(value) if form is not None else None
        if match is not None:
            told: str = match.groupdict().get("kept") or match.group()
            if not secrets.found_in(told):
                kept.setdefault(name, told)
    return kept


def media_type(reply: Reply, secrets: Secrets) -> str | None:
    """Type and subtype of the body, where the reply names them in the form they have (RFC 9110, 8.3.1)."""
    named = (reply.header("content-type") or "").partition(";")[0].strip().lower()
    return named if _MEDIA_TYPE.fullmatch(named) and not secrets.found_in(named) else None


_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")


def http_outcome(status: int, *, witnessed: bool) -> Classified:
    """Class of an HTTP status of a service in front of a handler."""
    if status < 400:
        return SERVED if witnessed else NO_WITNESS
    text = f"HTTP {status}"
    if status in (429, 503):
        return Classified("throttled", f"http-{status}", text)
    if status in (500, 502):
        # API Gateway answers 502 when the handler raised, timed out or answered nonsense.
        return Classified("function-error", f"http-{status}", text)
    if status >= 500 or status == 408:
        return Classified("service-error", f"http-{status}", text)
    return Classified("refused", f"http-{status}", text)


#: What gateways and Lambda say themselves, by how it begins, and what is kept of it. Any other sentence, and all that
#: follows, may quote the request, secrets included.
_SAYINGS = (
    "The invoked function is enabled with tenancy configuration",
    "The invoked function is not enabled with tenancy configuration",
    "Missing required request parameters",
    "Function not found",
    "Rate exceeded",
    "Forbidden",
    "Unauthorized",
    "Not Found",
    "Missing Authentication Token",
    "Internal server error",
    "Too Many Requests",
    "Limit Exceeded",
    "Endpoint request timed out",
    "Service Unavailable",
    "User is not authorized to access this resource",
    "Tenancy configuration is not supported for this account",
)
_REWORDED = {
    r"User: .{1,300} is not authorized to perform: lambda:InvokeFunction": "not allowed to lambda:InvokeFunction",
    r"The security token included in the request is expired": "the security token has expired",
    r"The security token included in the request is invalid": "the security token is not valid",
    r"The request signature we calculated does not match": "the signature does not match",
    r"Signature expired": "the signature has expired (look at the clock of this machine)",
    r"The operation cannot be performed at this time": "the function is not ready: it is being made or changed",
    r"1 validation error detected": "the request did not pass validation",
}
_KNOWN = tuple(
    (re.compile(beginning, re.IGNORECASE), kept)
    for beginning, kept in ({re.escape(saying): saying for saying in _SAYINGS} | _REWORDED).items()
)


def known_saying(message: str) -> str | None:
    """What is kept of a service's message: words of this table only."""
    return next((kept for beginning, kept in _KNOWN if beginning.match(message)), None)


_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.$:]{0,99}")


def error_word(text: str, secrets: Secrets) -> str | None:
    """The type of an error, where a text is one word and no secret."""
    return text if _WORD.fullmatch(text) and not secrets.found_in(text) else None


def service_message(body: bytes) -> str:
    """The message of an AWS error document, bounded; empty when there is none. It may quote secrets."""
    try:
        document = json.loads(body[:65536])
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    message = document.get("message") or document.get("Message")
    return message.partition("\n")[0][:_MAX_MESSAGE] if isinstance(message, str) else ""


def throttled_by(body: bytes) -> str:
    """Which limit Lambda names as met (`Reason` of TooManyRequestsException); empty where it names none."""
    document, _ = decode(body[:65536])
    reason = document.get("Reason") if isinstance(document, dict) else None
    return reason if isinstance(reason, str) else ""


_MAX_MESSAGE = 1_000
