"""Pools that fail to keep tenants apart: which ids count as one, and when a foreign environment is taken."""

from __future__ import annotations

import hashlib

from tenantcheck.lab.faults.fault import Fault, Parameters, Situation


def _bucket(tenant: str, parameters: Parameters) -> str:
    digest = hashlib.sha256(tenant.encode()).digest()
    return str(int.from_bytes(digest[:8], "big") % int(parameters["k"]))


def _starved(situation: Situation, _: Parameters) -> bool:
    return situation.own_alive > 0 and situation.own_idle == 0


def _new(situation: Situation, _: Parameters) -> bool:
    return situation.own_alive == 0


def _forgotten(situation: Situation, parameters: Parameters) -> bool:
    return situation.foreign_idle_s >= parameters["t"]


def _capped(situation: Situation, _: Parameters) -> bool:
    return situation.at_cap and situation.own_idle == 0


def _unlucky(situation: Situation, parameters: Parameters) -> bool:
    foreign = situation.foreign_idle / (situation.foreign_idle + situation.own_idle)
    return situation.rng.random() < parameters["p"] * foreign


def _raced(situation: Situation, parameters: Parameters) -> bool:
    near = situation.since_foreign_arrival_s <= parameters["ms"] / 1000
    return near and situation.rng.random() < parameters["p"]


POOL_FAULTS: tuple[Fault, ...] = (
    Fault(name="none", kind="none", summary="no fault"),
    Fault(name="shared-pool", kind="pool", summary="every tenant uses the same environments", key=lambda *_: ""),
    Fault(name="hash-buckets", kind="pool", summary="ids are hashed into k buckets", defaults={"k": 8}, key=_bucket),
    Fault(
        name="prefix",
        kind="pool",
        summary="only the first n characters of an id count",
        defaults={"n": 8},
        key=lambda tenant, parameters: tenant[: int(parameters["n"])],
    ),
    Fault(
        name="case-folding",
        kind="pool",
        summary="upper and lower case are the same",
        key=lambda tenant, _: tenant.casefold(),
    ),
    Fault(
        name="trimming",
        kind="pool",
        summary="spaces and dots at the ends of an id do not count",
        key=lambda tenant, _: tenant.strip(" ."),
    ),
    Fault(
        name="steals-when-busy",
        kind="pool",
        summary="takes a foreign idle environment when its own are all busy",
        steals=_starved,
    ),
    Fault(
        name="newcomer-steals",
        kind="pool",
        summary="a tenant's first request takes a foreign idle environment",
        steals=_new,
    ),
    Fault(
        name="idle-steals",
        kind="pool",
        summary="an environment idle for t seconds serves anybody",
        defaults={"t": 1},
        steals=_forgotten,
    ),
    Fault(
        name="cap-steals",
        kind="pool",
        summary="takes a foreign idle environment when there are too many",
        steals=_capped,
    ),
    Fault(
        name="race",
        kind="pool",
        summary="with probability p any idle environment is taken, whoever's it is",
        defaults={"p": 0.02},
        steals=_unlucky,
    ),
    Fault(
        name="race-near-arrival",
        kind="pool",
        summary="takes a foreign idle environment with probability p, at most ms after another tenant's arrival",
        defaults={"p": 0.5, "ms": 5},
        steals=_raced,
    ),
    Fault(
        name="cold-starts-swapped",
        kind="pool",
        summary="two tenants' cold starts at the same time are booked on each other",
        swaps=True,
    ),
)
