"""Known faults of the lab: one small record each, chosen by name, so that a checker can be shown failures.

Those of the pool change how an isolated function's environment is chosen: which ids count as one (`key`), or when a
request is given an environment of another tenant (`steals`). Those of the front change which tenant is mapped
(`maps`). The audit log stays the ground truth.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from tenantcheck.errors import UsageError

Parameters = Mapping[str, float]


class Situation(NamedTuple):
    """What a pool knows when a request arrives."""

    own_alive: int
    """Environments of this tenant, idle or busy."""
    own_idle: int
    at_cap: bool
    foreign_idle_s: float
    """How long the candidate, an idle environment of another tenant, has been idle."""
    since_foreign_arrival_s: float
    """Time since another tenant's request arrived."""
    rng: random.Random


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way in which a pool fails to keep tenants apart."""

    name: str
    summary: str
    defaults: Parameters = field(default_factory=dict)
    key: Callable[[str, Parameters], str] | None = None
    """Ids with the same key share environments."""
    steals: Callable[[Situation, Parameters], bool] | None = None
    """Whether this request takes another tenant's idle environment."""
    maps: Callable[[Sequence[str], str | None], str | None] | None = None
    """The tenant for the values of the mapped header and the client's own X-Amz-Tenant-Id."""


@dataclass(frozen=True, kw_only=True)
class ActiveFault:
    """A fault with its parameters."""

    fault: Fault
    parameters: Parameters

    def key(self, tenant: str) -> str:
        """What this tenant's environments are filed under."""
        return self.fault.key(tenant, self.parameters) if self.fault.key is not None else tenant

    def steals(self, situation: Situation) -> bool:
        """Whether this request takes the foreign environment."""
        return self.fault.steals is not None and self.fault.steals(situation, self.parameters)


def _cleaned(values: Sequence[str], _: str | None) -> str | None:
    return re.sub(r"[^a-zA-Z0-9._:/=+\-@ ]", "", values[-1])[:256] if values else None


def _bucket(tenant: str, parameters: Parameters) -> str:
    digest = hashlib.sha256(tenant.encode()).digest()
    return str(int.from_bytes(digest[:8], "big") % max(1, int(parameters["k"])))


def _starved(situation: Situation, _: Parameters) -> bool:
    return situation.own_alive > 0 and situation.own_idle == 0


def _new(situation: Situation, _: Parameters) -> bool:
    return situation.own_alive == 0


def _forgotten(situation: Situation, parameters: Parameters) -> bool:
    return situation.foreign_idle_s >= parameters["t"]


def _capped(situation: Situation, _: Parameters) -> bool:
    return situation.at_cap and situation.own_idle == 0


def _unlucky(situation: Situation, parameters: Parameters) -> bool:
    return situation.rng.random() < parameters["p"]


def _raced(situation: Situation, parameters: Parameters) -> bool:
    near = situation.since_foreign_arrival_s <= parameters["ms"] / 1000
    return near and situation.rng.random() < parameters["p"]


FAULTS: tuple[Fault, ...] = (
    Fault(name="none", summary="no fault"),
    Fault(name="shared-pool", summary="every tenant uses the same environments", key=lambda *_: ""),
    Fault(name="hash-buckets", summary="ids are hashed into k buckets", defaults={"k": 8}, key=_bucket),
    Fault(
        name="prefix",
        summary="only the first n characters of an id count",
        defaults={"n": 8},
        key=lambda tenant, parameters: tenant[: int(parameters["n"])],
    ),
    Fault(name="case-folding", summary="upper and lower case are the same", key=lambda tenant, _: tenant.casefold()),
    Fault(name="trimming", summary="spaces at the ends of an id do not count", key=lambda tenant, _: tenant.strip()),
    Fault(name="percent-decoding", summary="ids are percent-decoded", key=lambda tenant, _: unquote(tenant)),
    Fault(
        name="steals-when-busy", summary="takes a foreign idle environment when its own are all busy", steals=_starved
    ),
    Fault(name="newcomer-steals", summary="a tenant's first request takes a foreign idle environment", steals=_new),
    Fault(
        name="idle-steals",
        summary="an environment idle for t seconds serves anybody",
        defaults={"t": 1},
        steals=_forgotten,
    ),
    Fault(name="cap-steals", summary="takes a foreign idle environment when there are too many", steals=_capped),
    Fault(
        name="race",
        summary="takes a foreign idle environment with probability p",
        defaults={"p": 0.02},
        steals=_unlucky,
    ),
    Fault(
        name="race-near-arrival",
        summary="takes a foreign idle environment with probability p, at most ms after another tenant's arrival",
        defaults={"p": 0.5, "ms": 5},
        steals=_raced,
    ),
    Fault(name="constant-tenant", summary="the front maps a literal", maps=lambda *_: "everyone"),
    Fault(
        name="missing-defaulted",
        summary="the front gives a default tenant to requests without one",
        maps=lambda values, _: values[-1] if values else "default",
    ),
    Fault(name="invalid-cleaned", summary="the front makes invalid ids valid", maps=_cleaned),
    Fault(
        name="reserved-honoured",
        summary="the client's own X-Amz-Tenant-Id wins",
        maps=lambda values, reserved: reserved or (values[-1] if values else None),
    ),
    Fault(
        name="first-header",
        summary="of two tenant headers the first one counts",
        maps=lambda values, _: values[0] if values else None,
    ),
)


def parse_fault(text: str) -> ActiveFault:
    """`NAME` or `NAME:param=value,…`. Raises `UsageError`."""
    name, _, rest = text.partition(":")
    fault = next((fault for fault in FAULTS if fault.name == name), None)
    if fault is None:
        raise UsageError(f"there is no fault '{name}'", f"Faults: {', '.join(fault.name for fault in FAULTS)}.")
    parameters = dict(fault.defaults)
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if key not in parameters or not equals:
            known = ", ".join(parameters) or "it has none"
            raise UsageError(f"--fault {text}: '{key}' is not a parameter of {name}", f"Parameters: {known}.")
        try:
            parameters[key] = float(value)
        except ValueError as error:
            raise UsageError(f"--fault {text}: {key} must be a number") from error
    return ActiveFault(fault=fault, parameters=parameters)
