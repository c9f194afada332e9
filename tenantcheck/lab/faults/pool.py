"""Pools that fail to keep tenants apart: which ids count as one, and when a foreign environment is taken."""

from __future__ import annotations

import hashlib

from tenantcheck.lab.faults.fault import Fault, Parameters, Sent, Situation


def _bucket(tenant: str, parameters: Parameters) -> str:
    digest = hashlib.sha256(tenant.encode()).digest()
    return str(int.from_bytes(digest[:8], "big") % int(parameters["k"]))


def _starved(situation: Situation, parameters: Parameters) -> bool:
    return situation.own_alive >= parameters["n"] and situation.own_idle == 0


def _crowded(situation: Situation, parameters: Parameters) -> bool:
    return situation.own_idle == 0 and situation.alive >= parameters["n"]


def _worn(situation: Situation, parameters: Parameters) -> bool:
    return situation.foreign_answers >= parameters["n"]


def _old(situation: Situation, parameters: Parameters) -> bool:
    return situation.foreign_age_s >= parameters["t"]


def _released(situation: Situation, parameters: Parameters) -> bool:
    near = situation.foreign_idle_s <= parameters["ms"] / 1000
    return near and situation.rng.random() < parameters["p"]


def _prefix_of_nonce(sent: Sent, parameters: Parameters) -> str:
    return sent.nonce[: int(parameters["n"])]


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
        summary="takes a foreign idle environment when its own, n or more, are all busy",
        defaults={"n": 1},
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
        name="shares-above",
        kind="pool",
        summary="takes a foreign idle environment when there are n or more",
        defaults={"n": 16},
        steals=_crowded,
    ),
    Fault(
        name="isolates-first",
        kind="pool",
        summary="only the first k ids have environments of their own",
        defaults={"k": 8},
        ranked_key=lambda tenant, rank, parameters: tenant if rank < parameters["k"] else "",
    ),
    Fault(
        name="worn-steals",
        kind="pool",
        summary="an environment that gave n answers serves anybody",
        defaults={"n": 16},
        steals=_worn,
        takes="most answers",
    ),
    Fault(
        name="old-steals",
        kind="pool",
        summary="an environment older than t seconds serves anybody",
        defaults={"t": 1},
        steals=_old,
        takes="oldest",
    ),
    Fault(
        name="release-race",
        kind="pool",
        summary="takes a foreign environment with probability p, at most ms after it was released",
        defaults={"p": 0.5, "ms": 5},
        steals=_released,
        takes="released last",
    ),
    Fault(
        name="blind-backend",
        kind="pool",
        summary="a share p of the requests goes to a second pool, which ignores tenants",
        defaults={"p": 0.5},
        strays=lambda rng, parameters: rng.random() < parameters["p"],
    ),
    Fault(
        name="by-connection",
        kind="pool",
        summary="environments are kept for connections, not for tenants",
        affinity=lambda sent, _: sent.connection,
    ),
    Fault(
        name="by-nonce-prefix",
        kind="pool",
        summary="environments are kept for the first n characters of the nonce",
        defaults={"n": 18},
        affinity=_prefix_of_nonce,
    ),
    Fault(
        name="by-size",
        kind="pool",
        summary="environments are kept for requests of one size",
        affinity=lambda sent, _: str(sent.size),
    ),
    Fault(
        name="by-cookie",
        kind="pool",
        summary="environments are kept for a cookie that the front sets",
        affinity=lambda sent, _: sent.cookie or "",
        sets_cookie=True,
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
