"""What a run is going to do: tenants, plan, and the requests drawn from it.

These records stand in the history's header, so they carry names of credentials, never their values.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

RunKind = Literal["probe", "invoke"]
PlanName = Literal["quick", "standard", "deep"]
WaveKind = Literal["opening", "half", "crowd", "ordered", "newcomers", "single"]

#: Purpose of a request that belongs to a wave; any other purpose is the id of the check that sent it.
WAVE = "wave"
#: Tenants of one run, at most: the figure is that of the weakest pair, and pairs grow with the square.
MAX_TENANTS = 200

#: Whole numbers that a history may hold: more than any run reaches, and no trouble to compute with.
Number = Annotated[int, Meta(ge=0, le=1 << 40)]
Nanoseconds = Annotated[int, Meta(ge=0, le=1 << 62)]


class Tenant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom requests are sent for."""

    index: int
    """Position in the run; newcomers are numbered on after the tenants."""
    id: str
    """What is sent."""
    expect: str
    """What the handler should see; the id unless told otherwise."""
    fresh: bool = False
    """The id was made for this run: nobody else can be sending requests for it."""
    credential_names: tuple[str, ...] = ()
    """Names (never values) of what this tenant authenticates with."""
    sibling: int | None = None
    """Newcomers only: index of the tenant this id looks like."""
    lookalike: str | None = None
    """Newcomers only: in which way it looks like its sibling."""


class Budgets(Struct, frozen=True, kw_only=True):
    """What a run may spend before it has to stop."""

    max_requests: int
    max_time_s: float


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that decides what a run sends and how its history is judged."""

    run: str
    """Eight hexadecimal digits; part of every nonce."""
    kind: RunKind
    target: str
    """Where requests go: without user info and query values."""
    tenants: tuple[Tenant, ...]
    newcomers: tuple[Tenant, ...] = ()
    plan: PlanName = "standard"
    idle_s: tuple[float, ...] = ()
    """Idle gaps to add, in seconds."""
    seed: str
    """128 bits in hexadecimal: every order is drawn from it."""
    seed_given: bool = False
    """The user gave the seed: the run replays another one and adds no evidence."""
    significance: float = 1e-6
    """Target for the weakest pair."""
    budgets: Budgets
    timeout_s: float = 30.0
    """Time limit of one request."""
    checks: tuple[str, ...] = ()
    """Ids of the checks that judge this run."""
    requested: tuple[str, ...] = ()
    """Ids of the checks the user asked for by name: not exercised means not `pass`."""
    keep_going: bool = False
    """Go on after a breach."""
    strict: bool = False
    """Weaknesses fail the run."""
    witness_paths: dict[str, str] = {}
    """JMESPath expressions that replace the default places of witness fields."""
    tenant_place: str = ""
    """How the id travels: `header:NAME`, `query:NAME`, `path`, `credentials` or `invoke`. Empty: unknown, and no
    boundary is attacked."""
    boundary: bool = False
    """Another tenant's id may be sent: the method changes nothing, or the user allowed it."""
    nonce_in_url: bool = False
    """Requests are GETs whose nonce stands in the URL or body: no cache can mistake one for another."""
    repeat: str = ""
    """Shell command that sends a request again, with the tokens `@TENANT@` and `@NONCE@` (percent-encoded:
    `@TENANT_QUOTED@`, `@NONCE_QUOTED@`); secrets stand as `${VARIABLES}`."""
    ordered_requests: int = 12
    """Requests per tenant in the planned ordered wave."""
    further_requests: int = 4
    """Requests per tenant in each ordered wave after the planned one."""

    def everyone(self) -> tuple[Tenant, ...]:
        """Tenants and newcomers, so that `everyone()[i].index == i`."""
        return self.tenants + self.newcomers


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
    nonce: str
    purpose: str = WAVE
    claimed: str | None = None
    """The id that was sent, where it is not the tenant's own."""
    credential: int | None = None
    """Index of the tenant whose credentials were used, where they are not the tenant's own."""

    @property
    def forged(self) -> bool:
        """Whom it belongs to is the question: it carries another id, or other credentials, than its tenant's."""
        return self.claimed is not None or self.credential is not None
