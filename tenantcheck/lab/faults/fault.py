"""What a fault is: one small record, chosen by name, that changes one decision of the lab.

Every hook is a pure function of what the lab knows at that moment, so that simulations run the same faults.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Parameters = Mapping[str, float]
Candidate = Literal["idle longest", "released last", "most answers", "oldest"]
Kind = Literal["none", "pool", "identity", "front", "storage", "weather"]


class Situation(NamedTuple):
    """What a pool knows when a request arrives."""

    own_alive: int
    """Environments of this tenant, idle or busy."""
    own_idle: int
    foreign_idle: int
    """Idle environments of all other tenants; at least one."""
    at_cap: bool
    alive: int
    """Environments of everybody, idle or busy."""
    foreign_idle_s: float
    """How long the candidate, an idle environment of another tenant, has been idle."""
    foreign_answers: int
    """Answers that the candidate has given."""
    foreign_age_s: float
    """How long ago the candidate was started."""
    since_foreign_arrival_s: float
    """Time since another tenant's request arrived."""
    rng: random.Random


class Sent(NamedTuple):
    """What a client sent that may say whom it belongs to."""

    ids: Sequence[str]
    """Values of the mapped header or query parameter, in order."""
    reserved: str | None = None
    """The client's own X-Amz-Tenant-Id."""
    bearer: str | None = None
    """The tenant that its token was issued to."""
    claimed: str | None = None
    """The tenant that its token names, whoever made it."""
    connection: str = ""
    """Names the connection that the request came over."""
    nonce: str = ""
    size: int = 0
    """Bytes of the whole request."""
    cookie: str | None = None
    """The cookie that this front had set."""


class Passing(NamedTuple):
    """One request, as the weather sees it."""

    chosen: bool
    """It is for the one tenant that some weather is about: the first that the lab was asked for."""
    rng: random.Random


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way in which tenants meet, or (`weather`) in which an honest run is disturbed."""

    name: str
    summary: str
    kind: Kind
    defaults: Parameters = field(default_factory=dict)

    key: Callable[[str, Parameters], str] | None = None
    """Pool: ids with the same key share environments."""
    ranked_key: Callable[[str, int, Parameters], str] | None = None
    """Pool: the same, from the id and how many other ids came before it."""
    affinity: Callable[[Sent, Parameters], str] | None = None
    """Pool: what environments are kept for, instead of for tenants."""
    strays: Callable[[random.Random, Parameters], bool] | None = None
    """Pool: whether a request goes to a second pool, which knows no tenants."""
    backends: int = 1
    """Pool: connections are spread over so many pools, each of which isolates."""
    steals: Callable[[Situation, Parameters], bool] | None = None
    """Pool: whether this request takes another tenant's idle environment."""
    takes: Candidate = "idle longest"
    """Pool: which of the idle environments of other tenants it is about."""
    restarts: bool = False
    """Pool: a stolen environment gets a new process; its scratch directory stays."""
    crashes: Callable[[Passing, Parameters], bool] | None = None
    """Weather: whether an environment gets a new process before a request; its scratch directory stays."""
    swaps: bool = False
    """Pool: two cold starts of two tenants at the same time are booked on each other afterwards."""
    packs: bool = False
    """Pool: an environment serves up to k requests of its tenant at once."""

    image: Callable[[int, int], int] | None = None
    """Identity: number of the memory image an environment starts from, from its own number and that of its tenant's
    first one. Environments of one image make the same process id."""
    handler: bool = False
    """The built-in handler behaves differently; it knows the fault by its name."""

    reads: Callable[[str], str] | None = None
    """Front: how an id is read."""
    maps: Callable[[Sent], str | None] | None = None
    """Front: the tenant of a request."""
    authorizes: Callable[[Sent], str | None] | None = None
    """Front with an authorizer: the tenant of an authorized request."""
    remembers_authorization: bool = False
    """Front with an authorizer: one result serves everybody for t seconds."""
    trusts_tokens: bool = False
    """Front with an authorizer: a token is not verified."""
    needs_authorizer: bool = False
    caches: bool = False
    """Front: GET responses are cached under their URL."""
    merges: bool = False
    """Front: GET requests for one URL that are in flight together are answered by one of them."""
    resends: bool = False
    """Front: what the handler refuses is sent again, up to n times."""
    mirrors: bool = False
    """Front: a copy of every request goes to one tenant's environments too."""
    sets_cookie: bool = False
    """Front: every answer sets a cookie of its own."""
    accepts: bool = False
    """Front and Invoke: no id is refused for its characters."""

    throttles: Callable[[Passing, Parameters], bool] | None = None
    """Weather: refused with 429 before an environment is chosen."""
    delays_s: Callable[[Passing, Parameters], float] | None = None
    """Weather: how much later the request arrives."""
    distance_s: Callable[[Parameters], float] | None = None
    """Weather: how long a request travels, and its answer again."""
    starts_s: Callable[[Parameters], float] | None = None
    """Weather: how much longer a cold start takes."""
    drops: Callable[[Passing, Parameters], bool] | None = None
    """Weather: the connection is closed before the request is looked at."""
    loses: Callable[[Passing, Parameters], bool] | None = None
    """Weather: the connection is closed instead of answering."""
    retires: Callable[[int, Parameters], bool] | None = None
    """Weather: an environment ends after so many answers."""


@dataclass(frozen=True, kw_only=True)
class ActiveFault:
    """A fault with its parameters."""

    fault: Fault
    parameters: Parameters
