"""What came back: one observation per request, and the frame of a history around them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tenantcheck.model.nonce import NonceText
from tenantcheck.model.plan import Line, Nanoseconds, Number, Plan, Request

AnswerKind = Literal[
    "served", "no-witness", "refused", "denied", "absent", "throttled", "function-error", "service-error", "lost"
]
"""How a request ended. `denied`: the credentials were not accepted; `absent`: there is no such function."""

#: Outcomes of requests that were turned away in front of the handler.
REFUSED: frozenset[AnswerKind] = frozenset({"refused", "denied", "absent"})
IdentityField = Literal["execution_environment_id", "sandbox_id", "log_stream_name"]

#: The three identities of an environment, in the order in which evidence prefers them.
IDENTITIES: tuple[IdentityField, ...] = ("execution_environment_id", "sandbox_id", "log_stream_name")

#: Names of the witness fields in a response, by the field of `Witness` they are kept in.
WITNESS_NAMES: dict[str, str] = {
    "execution_environment_id": "executionEnvironmentId",
    "sandbox_id": "sandboxId",
    "log_stream_name": "logStreamName",
    "invocation_count": "invocationCount",
    "tenant_id": "tenantId",
    "nonce": "nonce",
    "residue": "residue",
}

#: Headers by which edges say whether an answer came out of their cache.
CACHE_HEADERS = frozenset(
    {"x-cache", "cf-cache-status", "x-cache-status", "x-vercel-cache", "x-proxy-cache", "x-drupal-cache"}
)
_OUT_OF_CACHE = frozenset({"hit", "refreshhit", "stale", "updating", "revalidated", "prerender"})

NoncePlace = Literal["echo", "residue-memory", "residue-scratch", "body", "header"]
NonceEncoding = Literal["raw", "percent", "base64"]


class Witness(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Which environment served a response, as far as the response tells."""

    execution_environment_id: str | None = None
    sandbox_id: str | None = None
    log_stream_name: str | None = None
    invocation_count: Annotated[int, Meta(ge=0, le=1 << 53)] | None = None
    tenant_id: str | None = None
    tenant_null: bool = False
    """The handler reported a tenant that is null, or empty text."""
    nonce: NonceText | None = None
    residue_read: bool = False
    """The handler reported what it found of earlier requests, even if that was nothing."""

    def environment(self) -> str | None:
        """The first identity present."""
        return self.execution_environment_id or self.sandbox_id or self.log_stream_name


class SeenNonce(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A nonce of this program found in a response."""

    nonce: NonceText
    place: NoncePlace
    encoding: NonceEncoding = "raw"


#: Error of a function that takes no tenant id: it has no tenancy configuration.
TENANCY_NOT_ENABLED = "tenancy-not-enabled"


class PlatformRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the tail of the platform's log says about this invocation."""

    request_id: str | None = None
    tenant_id: str | None = None
    init_ms: float | None = None
    duration_ms: float | None = None


class Observation(
    Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="observation", tag_field="type"
):
    """One request and everything kept of what came back. Times are offsets from the run's start."""

    request: Request
    call_ns: Nanoseconds
    """Hand-over to the HTTP client."""
    first_byte_ns: Nanoseconds | None = None
    end_ns: Nanoseconds
    outcome: AnswerKind
    status: int | None = None
    error_kind: str | None = None
    error_text: str | None = None
    witness: Witness | None = None
    claimed: Witness | None = None
    """What the answer itself said, where `witness` is that of the logs. Not recorded: its line is as it came."""
    ran_in: tuple[str, ...] = ()
    """Log streams that name this request, where there are several. Not recorded either."""
    witness_errors: tuple[str, ...] = ()
    """Witness fields that were there but unusable, each with the reason."""
    seen: tuple[SeenNonce, ...] = ()
    platform: PlatformRecord | None = None
    headers: dict[str, str] = {}
    """Response headers of a closed list."""
    body_bytes: int = 0
    """Bytes of the body that were read, after decompression."""
    body_sha256: str | None = None
    shape: str | None = None
    """Digest of the names in a JSON body, of requests outside the waves: answers of one shape say the same kind of
    thing."""
    truncated: bool = False

    @property
    def cached(self) -> bool:
        """Whether an edge says that the answer came out of its cache."""
        if not self.headers:
            return False
        told = (self.headers.get(name, "").partition(" ")[0].lower() for name in CACHE_HEADERS)
        return bool(self.headers.get("age", "").strip("0 ")) or any(word in _OUT_OF_CACHE for word in told)


StreamName = Annotated[str, Meta(min_length=1, max_length=512)]
SightedBy = Literal["json", "text", "function"]
"""What named a request in the logs: `platform.start`, the line `START RequestId`, or a line of the function itself
that holds the request's nonce."""


class Sighting(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="sighting", tag_field="type"):
    """What the logs told about one request: a log stream is an environment."""

    seq: Number
    log_stream_name: StreamName
    others: Annotated[tuple[StreamName, ...], Meta(max_length=8)] = ()
    """Further streams that name the request, some of them: it ran more than once."""
    tenant: Line | None = None
    """The tenant that the platform ran it for. None: it named none."""
    by: SightedBy
    request_id: Annotated[str, Meta(pattern=r"\A[0-9a-f-]{36}\Z")] | None = None
    time_ms: Nanoseconds
    """Of the event, milliseconds since the epoch by the platform's clock."""


class Control(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a function that is known not to isolate came out, asked first."""

    target: Line
    caught_by: tuple[IdentityField, ...] = ()
    """Identities by which an environment was seen to serve two tenants."""
    requests: Number
    ended: Line
    detail: Line = ""
    history: Line = ""
    sha256: Line = ""


class Header(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="header", tag_field="type"):
    """First line of a history."""

    format: Literal["tenantcheck-history"] = "tenantcheck-history"
    version: Literal[1] = 1
    schedule: Number = 1
    """How waves are drawn from the seed."""
    tool: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z.+-]{1,40}\Z")]
    started: Annotated[str, Meta(pattern=r"\A[0-9T:.Z-]{0,30}\Z")]
    """Wall-clock start, ISO 8601 in UTC: what every offset counts from."""
    plan: Plan
    earlier: tuple[Line, ...] = ()
    """Names of earlier histories of this target that lay beside this one, the newest ones."""
    earlier_runs: Number = 0
    """How many there were."""
    same_tenants: Line = ""
    """The newest of them that asked for one of these tenants, too."""
    control: Control | None = None
    control_of: Line = ""
    """Run of which this is the control: a function that is known not to isolate."""
    log_group: Line = ""
    """Where environments were read, where the logs say which it was."""


EndReason = Literal[
    "complete",
    "breach",
    "max-requests",
    "max-time",
    "throttled",
    "refusing",
    "interrupted",
    "unreachable",
    "no-credentials",
    "no-function",
    "no-witness",
    "no-reuse",
    "refused",
    "not-isolated",
    "not-lambda",
    "redirected",
    "limited",
    "failed",
]


class End(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="end", tag_field="type"):
    """Last line of a history: why the run ended."""

    reason: EndReason
    detail: str = ""
    requests: Number
    waves: Number
    duration_ns: Nanoseconds
