"""A Lambda function, by Invoke with a tenant id: signed by botocore, sent by the same sender as `probe`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from tenantcheck.errors import UsageError
from tenantcheck.model import (
    TENANCY_NOT_ENABLED,
    AnswerKind,
    InvokeRepeat,
    Part,
    Parts,
    PlatformRecord,
    Reply,
    Request,
    RunKind,
)
from tenantcheck.model.call import Call, Envelope
from tenantcheck.model.document import SEARCHED_BYTES, decode, without_prelude
from tenantcheck.model.repeat import text, variable
from tenantcheck.model.secrets import Secrets
from tenantcheck.model.text import printable
from tenantcheck.run.plan import TenantRow
from tenantcheck.run.targets.aws import AwsSession
from tenantcheck.run.targets.events import KEY_NAME, NONCE_KEY, Event
from tenantcheck.run.targets.http import PADDING, PADDING_HEADER
from tenantcheck.run.targets.log_tail import platform_record
from tenantcheck.run.targets.target import (
    NO_WITNESS,
    SERVED,
    Classified,
    error_word,
    known_saying,
    service_message,
    throttled_by,
)
from tenantcheck.run.targets.urls import display_url

#: Lambda's own words for a function that takes no tenant id.
_NOT_ENABLED = "not enabled with tenancy configuration"
#: What errors of AWS mean, by their names.
_REFUSALS: dict[str, AnswerKind] = {
    **dict.fromkeys(("ResourceNotFoundException", "ResourceConflictException"), "absent"),
    **dict.fromkeys(
        (
            "AccessDeniedException",
            "ExpiredTokenException",
            "ExpiredToken",
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "InvalidClientTokenId",
            "IncompleteSignatureException",
            "MissingAuthenticationTokenException",
        ),
        "denied",
    ),
}

LOG_TAIL = "log tail"


class FunctionTarget:
    """Builds Invoke requests for these tenants. Raises `UsageError` for credentials that Invoke can't carry, and
    `TargetError` when boto3 can't be set up for it."""

    kind: RunKind = "invoke"
    safe = False
    nonce_in_url = False
    aliases: tuple[str, ...] = ()

    def __init__(
        self,
        session: AwsSession,
        function: str,
        *,
        qualifier: str | None,
        event: Event,
        witness_key: str | None = None,
        tenantless: bool = False,
        rows: Sequence[TenantRow] = (),
    ) -> None:
        """`witness_key` is what the handler wants to see, in the event. `tenantless` sends no tenant id, as a
        function without a tenancy configuration wants it."""
        self._session = session
        self._function = function
        self._event = event
        self._key = witness_key
        self._template = session.invoke_template(function, qualifier)
        self._rows = rows
        self._qualifier = qualifier
        self._tenantless = tenantless
        self._tail = True
        self._pads = True
        self.url = self._template.url
        for row in rows:
            if row.credentials.headers or row.credentials.query:
                raise UsageError(
                    f"tenant '{row.id}' has headers, query or tokens, which Invoke does not carry",
                    "Tenants of invoke may have aws_profile, or aws_access_key_id and aws_secret_access_key.",
                )
        self.secrets = Secrets(event.secrets(), known=[text for row in rows for text in (row.id, row.expect)])
        for row in rows:
            self.secrets.add(value for name, value in row.credentials.aws.items() if name != "aws_profile")
        lengths = [self._length(row) for row in rows]
        self._longest = max(lengths, default=0) if len(set(lengths)) > 1 else 0

    @property
    def tenant_place(self) -> str:
        """How the id travels, as the plan keeps it."""
        return "nowhere" if self._tenantless else "invoke"

    @property
    def optional(self) -> tuple[str, ...]:
        """Parts of requests that an endpoint may refuse and that can be left out: SAM's knows no log tail."""
        return (LOG_TAIL, PADDING) if self._longest else (LOG_TAIL,)

    def leave_out(self, parts: Sequence[str]) -> None:
        """Prepare requests without these optional parts from now on."""
        self._tail, self._pads = LOG_TAIL not in parts, PADDING not in parts

    def with_rows(self, rows: Sequence[TenantRow]) -> FunctionTarget:
        """The same requests for these tenants and newcomers, in the order of their index."""
        return self._same(self._function, self._qualifier, tenantless=self._tenantless, rows=rows)

    def twin(self, function: str) -> FunctionTarget:
        """The same requests to a function without a tenancy configuration, which takes no tenant id."""
        return self._same(function, None, tenantless=True)

    def _same(
        self, function: str, qualifier: str | None, *, tenantless: bool, rows: Sequence[TenantRow] = ()
    ) -> FunctionTarget:
        return FunctionTarget(
            self._session,
            function,
            qualifier=qualifier,
            event=self._event,
            witness_key=self._key,
            tenantless=tenantless,
            rows=rows,
        )

    @property
    def function_name(self) -> str:
        """The function's own name, without account and qualifier."""
        parts = self._function.split(":")
        if "function" in parts[:-1]:
            return parts[parts.index("function") + 1]
        return parts[1] if len(parts) > 1 and parts[0].isdecimal() else parts[0]

    @property
    def carries_nonce(self) -> bool:
        """Whether the event has a place for the nonce."""
        return self._event.carries_nonce

    @property
    def display(self) -> str:
        """The function as reports name it."""
        qualified = f"{self._function}:{self._qualifier}" if self._qualifier else self._function
        return f"{printable(qualified)} ({self._template.region})"

    async def refresh(self) -> None:
        """Freeze credentials for the next wave."""
        await self._session.refresh()
        self.secrets.add(self._session.secret_values())

    def prepare(self, request: Request) -> Call:
        """Encode and sign one Invoke request."""
        row = self._rows[request.tenant] if request.tenant is not None else None
        own = row.id if row is not None else None
        id_ = own if request.sent.ids is None else request.sent.ids[0]
        headers = self._template.headers
        if not self._tail:
            headers = tuple(pair for pair in headers if pair[0].lower() != "x-amz-log-type")
        if id_ is not None and not self._tenantless:
            headers = (*headers, ("X-Amz-Tenant-Id", id_))
        if self._longest and self._pads and row is not None and id_ == own:
            headers = (*headers, (PADDING_HEADER, "x" * (1 + self._longest - self._length(row))))
        body = self._event.body(request.nonce, id_ or "")
        call = Call(method="POST", url=self._template.url, headers=headers, body=body)
        signed_by = row.credentials.aws if row is not None else {}
        return self._session.sign(call, self._template.service, self._template.region, signed_by)

    def _length(self, row: TenantRow) -> int:
        """Characters of a request that are the tenant's own: its id, and what its headers carry of its
        credentials."""
        aws = row.credentials.aws
        signed_by = sum(len(aws.get(name, "")) for name in ("aws_access_key_id", "aws_session_token"))
        return len(row.id) * (1 + self._event.tenants) + signed_by

    def opened(self, reply: Reply) -> Envelope | None:
        """The answer of a handler written for API Gateway: `{"statusCode": …, "body": "…"}`."""
        return envelope(reply.body)

    def outcome(self, reply: Reply, *, witnessed: bool, proxy_status: int | None) -> Classified:
        """Class of a reply of the Invoke operation."""
        if reply.status is None:
            return Classified("lost", reply.error_kind, reply.error_text)
        if not _from_lambda(reply):
            return Classified("no-witness", "not-lambda", f"HTTP {reply.status}, without Lambda's headers")
        if reply.status == 200:
            return self._handler_outcome(reply, witnessed=witnessed, proxy_status=proxy_status)
        named = (reply.header("x-amzn-errortype") or "").partition(":")[0]
        word = error_word(named, self.secrets)
        name = word or f"HTTP {reply.status}"
        text = known_saying(service_message(reply.body)) or (f"{name} (HTTP {reply.status})" if word else name)
        if reply.status == 429:
            limit = error_word(throttled_by(reply.body), self.secrets)
            return Classified("throttled", name, f"{text} ({limit})" if limit else text)
        if reply.status >= 500:
            return Classified("service-error", name, text)
        if _NOT_ENABLED in text:  # the error's name differs between Lambda and SAM's local servers
            return Classified("refused", TENANCY_NOT_ENABLED, text)
        return Classified(_REFUSALS.get(name, "refused"), name, text)

    def _handler_outcome(self, reply: Reply, *, witnessed: bool, proxy_status: int | None) -> Classified:
        if (error := reply.header("x-amz-function-error")) is not None:
            kind = "Handled" if error == "Handled" else "Unhandled"
            return Classified("function-error", kind, error_word(_error_type(reply.body), self.secrets))
        if proxy_status is not None and proxy_status >= 500:
            return Classified("function-error", f"proxy-{proxy_status}")
        if proxy_status == 429:
            return Classified("throttled", "proxy-429")
        if proxy_status is not None and proxy_status >= 400:
            return Classified("refused", f"proxy-{proxy_status}")
        return SERVED if witnessed else NO_WITNESS

    def platform(self, reply: Reply) -> PlatformRecord | None:
        """Request id, tenant, initialisation and duration from the tail of the log; nothing else of it."""
        encoded = reply.header("x-amz-log-result")
        if not encoded:
            return None
        try:
            tail = base64.b64decode(encoded[:16384], validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return None
        return platform_record(tail, self.secrets)

    def repeat(self) -> InvokeRepeat:
        """The call with the tenant's id and the nonce left open."""
        payload: Parts = (variable("PAYLOAD"),)
        if self._event.plain:
            payload = (text(f'{{"{NONCE_KEY}": "'), Part(kind="nonce"), text('"}'))
            if self._key is not None:
                payload = (*payload[:-1], text(f'", "{KEY_NAME}": "'), variable("TENANTCHECK_KEY"), text('"}'))
        options = self._session.options
        return InvokeRepeat(
            function=self._function,
            qualifier=self._qualifier or "",
            region=self._template.region,
            profile=options.profile or "",
            endpoint_url=display_url(options.endpoint_url) if options.endpoint_url else "",
            tenant=() if self._tenantless else (Part(kind="tenant"),),
            payload=payload,
        )


def _from_lambda(reply: Reply) -> bool:
    """Whether a successful answer is one of Lambda's Invoke API, or of something that speaks it: it has a request id,
    or is JSON (SAM's local server gives no id)."""
    if reply.status is None or reply.status >= 400 or not reply.body:
        return True
    if reply.header("x-amzn-requestid") is not None:
        return True
    try:
        json.loads(reply.body)
    except (ValueError, RecursionError):
        return False
    return True


def _error_type(body: bytes) -> str:
    """The error's type alone: its message may carry a tenant's data."""
    try:
        document = json.loads(body[:65536])
    except (ValueError, RecursionError):
        return ""
    kind = document.get("errorType") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else ""


def envelope(body: bytes) -> Envelope | None:
    """What a handler for API Gateway puts around its answer, or before a streamed one; None for any other body."""
    body = body[:SEARCHED_BYTES]
    if b"statusCode" not in body and b"\\u" not in body:  # which could write it otherwise
        return None
    if (streamed := without_prelude(body)) is not None:
        return Envelope(*streamed)
    document, _ = decode(body)
    status = document.get("statusCode") if isinstance(document, dict) else None
    return Envelope(status, _proxied_body(document)) if isinstance(status, int) else None


def _proxied_body(document: dict[str, Any]) -> bytes | None:
    body = document.get("body")
    if isinstance(body, dict):
        return msgspec.json.encode(body)
    if not isinstance(body, str):
        return None
    if document.get("isBase64Encoded") is True:
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            return None
    return body.encode("utf-8", "replace")
