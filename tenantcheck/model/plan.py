"""What a run is going to do: tenants, plan, and the requests drawn from it.

These records stand in the history's header, so they carry names of credentials, never their values.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from tenantcheck.model.nonce import NonceText
from tenantcheck.model.repeat import Parts, Repeat

RunKind = Literal["probe", "invoke"]
PlanName = Literal["quick", "standard", "deep"]
WitnessFrom = Literal["answers", "logs"]
"""Who says which environment served a request: the answer, or the log stream that names the request."""
WaveKind = Literal["opening", "half", "surge", "crowd", "ordered", "newcomers", "single", "together"]
"""The six kinds of wave; and requests outside of them, one after the other (`single`) or all at once (`together`)."""

CheckId = Literal[
    "shared-environment",
    "wrong-tenant",
    "foreign-residue",
    "replayed-response",
    "cloned-identity",
    "counter-order",
    "unseen-caller",
    "not-delivered-once",
    "not-isolated",
    "contradicted-witness",
    "lookalike-collapse",
    "missing-tenant-accepted",
    "invalid-tenant-accepted",
    "reserved-header-honoured",
    "ambiguous-tenant",
    "foreign-tenant-accepted",
    "forged-credentials-accepted",
    "control-not-caught",
]
#: In the order of reports.
CHECK_IDS: tuple[CheckId, ...] = get_args(CheckId)
Requirement = Literal["warm", "pressed", "newcomer", "idle", "control"] | CheckId
"""What a run can be required to have exercised: kinds of request, gaps, a control, checks."""

Purpose = Literal["wave", "frame"] | CheckId
"""Why a request is sent: in a wave, as an ordinary one beside those that attack the boundary, or for a check."""

#: How waves are drawn from a seed. A history recorded under another one can't be compared with what its seed draws.
SCHEDULE = 5

#: Purpose of a request that belongs to a wave; any other purpose but `FRAME` is the id of the check that sent it.
WAVE: Literal["wave"] = "wave"
#: Purpose of an ordinary request beside those that attack the boundary: it must be served for them to mean anything.
FRAME: Literal["frame"] = "frame"
#: Target for the weakest pair, and the time limit of one request in seconds, where nobody says otherwise.
SIGNIFICANCE = 1e-6
TIMEOUT_S = 30.0
#: Events reach the logs seconds after the invocation; so many seconds are waited for those of a request.
LOG_WAIT_S = 60.0
#: Tenants of one run, at most: the figure is that of the weakest pair, and pairs grow with the square.
MAX_TENANTS = 200

#: Whole numbers that a history may hold: more than any run reaches, and no trouble to compute with.
Number = Annotated[int, Meta(ge=0, le=1 << 40)]
Nanoseconds = Annotated[int, Meta(ge=0, le=1 << 62)]
#: A tenant id in a history: printable ASCII, so that it can be shown and put into a command.
Id = Annotated[str, Meta(pattern=r"\A[\x20-\x7e]{1,300}\Z")]
#: One line of text of the program's own.
Line = Annotated[str, Meta(max_length=2048)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]


class Tenant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom requests are sent for."""

    index: int
    """Position in the run; newcomers are numbered on after the tenants."""
    id: Id
    """What is sent."""
    expect: Line
    """What the handler should see; the id unless told otherwise."""
    fresh: bool = False
    """The id was made for this run: nobody else can be sending requests for it."""
    credential_names: tuple[Line, ...] = ()
    """Names (never values) of what this tenant authenticates with."""
    variables: dict[Line, Parts] = {}
    """What stands for credentials that are one variable of the user's own, by the name that it would have else."""
    sibling: int | None = None
    """Newcomers only: index of the tenant this id looks like."""
    lookalike: Line | None = None
    """Newcomers only: in which way it looks like its sibling."""


class Budgets(Struct, frozen=True, kw_only=True):
    """What a run may spend before it has to stop."""

    max_requests: Number
    max_time_s: Seconds | None = None
    """None: as long as the plan needs at the latency of its first answers, and two minutes at the least."""


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that decides what a run sends and how its history is judged."""

    run: str
    """Eight hexadecimal digits; part of every nonce."""
    kind: RunKind
    target: Line
    """Where requests go: without user info and query values."""
    tenants: tuple[Tenant, ...]
    newcomers: tuple[Tenant, ...] = ()
    plan: PlanName = "standard"
    idle_s: tuple[Seconds, ...] = ()
    """Idle gaps to add, in seconds."""
    soak_s: Seconds = 0.0
    """Seconds to go on for after the plan."""
    rate: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """Requests per second, at most; None: as fast as it goes."""
    rate_of_soak: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    """The same while going on after the plan, where `rate` says nothing."""
    in_flight: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    """Requests in flight together, at most, where the user limits them."""
    seed: str
    """128 bits in hexadecimal: every order is drawn from it."""
    seed_given: bool = False
    """The user gave the seed: the run replays another one and adds no evidence."""
    significance: float = SIGNIFICANCE
    """Target for the weakest pair."""
    budgets: Budgets
    timeout_s: float = TIMEOUT_S
    """Time limit of one request."""
    checks: tuple[CheckId, ...] = ()
    """Ids of the checks that judge this run."""
    requested: tuple[CheckId, ...] = ()
    """Ids of the checks the user asked for by name: not exercised means not `pass`."""
    required: tuple[Requirement, ...] = ()
    """What else the run must have exercised to pass."""
    keep_going: bool = False
    """Go on after a breach."""
    strict: bool = False
    """Weaknesses fail the run."""
    witness_paths: dict[Line, Line] = {}
    """JMESPath expressions that replace the default places of witness fields."""
    witness_at: Line = ""
    """JMESPath expression for the object in which all other fields stand; empty: the document, or what it wraps."""
    witness_from: WitnessFrom = "answers"
    """Where environments are read."""
    log_wait_s: Seconds = LOG_WAIT_S
    """How long requests are looked for in the logs."""
    tenant_place: Line = ""
    """How the id travels: `header:NAME`, `query:NAME`, `path`, `host`, `credentials`, `invoke`, or `nowhere` (of a
    control by Invoke). Empty: unknown, and no boundary is attacked."""
    aliases: tuple[Line, ...] = ()
    """Other names of the tenant that are tried beside the true one: `header:NAME` and `query:NAME`."""
    optional: tuple[Line, ...] = ()
    """Parts of every request that can be left out where the target refuses them."""
    boundary: bool = False
    """Another tenant's id may be sent: the method changes nothing, or the user allowed it."""
    nonce_in_url: bool = False
    """Requests are GETs whose nonce stands in the URL or body: no cache can mistake one for another."""
    repeat: Repeat | None = None
    """How a request is sent again."""
    ordered_requests: int = 12
    """Requests per tenant in the planned ordered wave."""
    further_requests: int = 4
    """Requests per tenant in each ordered wave after the planned one."""

    def everyone(self) -> tuple[Tenant, ...]:
        """Tenants and newcomers, so that `everyone()[i].index == i`."""
        return self.tenants + self.newcomers


class Sent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a request carries that an ordinary one of its tenant does not."""

    ids: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=2)] | None = None
    """The ids in the tenant's place, in order, where they are not just the tenant's own."""
    reserved: Line | None = None
    """An id in Lambda's own header."""
    elsewhere: Line | None = None
    """An id under every other name of the tenant in the headers, or in the query."""
    elsewhere_in: Literal["header", "query"] = "header"
    credential: Number | None = None
    """Index of the tenant whose credentials are used, where they are not the tenant's own."""
    tampered: Literal["changed", "absent"] | None = None
    """The tenant's credentials are sent with one character changed, or not at all."""
    nonce_in_header: bool = False
    """The nonce stands in its header, wherever else the plan puts it."""

    @property
    def forged(self) -> bool:
        """Whom it belongs to is the question: it carries another id, or other credentials, than its tenant's."""
        return not (
            self.ids is None
            and self.reserved is None
            and self.elsewhere is None
            and self.credential is None
            and self.tampered is None
        )


#: What an ordinary request carries.
ORDINARY = Sent()


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One request as drawn, before it is sent."""

    seq: Number
    """Counted from 0 over the whole run; taken together with the call time."""
    wave: Number
    kind: WaveKind
    slot: Number
    """Position in the drawn order of the wave, from 0."""
    tenant: int | None
    """Index of the tenant it is sent for; None when it is sent without any."""
    nonce: NonceText
    purpose: Purpose = WAVE
    sent: Sent = ORDINARY
    """What it carries that an ordinary request of its tenant does not."""
