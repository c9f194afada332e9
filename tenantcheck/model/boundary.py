"""Which attacks on the tenant boundary a plan allows: the requests that are sent, and why others are not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from tenantcheck.model.plan import Plan

MISSING = "missing-tenant-accepted"
INVALID = "invalid-tenant-accepted"
RESERVED = "reserved-header-honoured"
AMBIGUOUS = "ambiguous-tenant"
FOREIGN = "foreign-tenant-accepted"
CACHEABLE = "replayed-response"
"""Ordinary requests but for the nonce, which stands in a header: a cache may take them for one another."""
SPACED = "lookalike-collapse"
"""A tenant's id with a space at its end. HTTP strips it from headers, so it is no newcomer of its own."""

RESERVED_HEADER = "X-Amz-Tenant-Id"
#: Ids outside Lambda's pattern: a character that is not allowed, and one character too many.
INVALID_IDS = ("tck!invalid", "x" * 257)
#: Tenants whose credentials are tried on their neighbour, in both directions.
MOST_NEIGHBOURS = 10


class Attack(NamedTuple):
    """One request outside the waves."""

    purpose: str
    tenant: int | None
    """Whom it is sent for."""
    claimed: str | None = None
    """The id that is sent, or for two ids the second one."""
    credential: int | None = None
    """Whose credentials are used."""


def why_not(plan: Plan, check: str) -> str:
    """Why a check's own requests have no place in this run; empty when they have."""
    if check == CACHEABLE:
        return "" if plan.nonce_in_url else "all requests are cacheable, or none"
    if check == SPACED:
        carried = plan.tenant_place.partition(":")[0] in ("query", "path")
        return "" if carried else "a header can't carry a space at the end of an id"
    if not plan.tenant_place:
        return "how the tenant travels is not known"
    return _why_not_boundary(plan, check)


def _why_not_boundary(plan: Plan, check: str) -> str:
    place, _, name = plan.tenant_place.partition(":")
    by_credentials = any(tenant.credential_names for tenant in plan.tenants)
    if check == FOREIGN:
        if not by_credentials:
            return "tenants have no credentials of their own"
        if place not in ("header", "query", "path"):
            return "no tenant id is sent that could be another tenant's"
        return "" if plan.boundary else _NEEDS_BOUNDARY
    if by_credentials:
        return "tenants have credentials, which say who they are"
    if check in (MISSING, INVALID):
        if plan.kind == "invoke" or place in ("header", "query"):
            return ""
        return "the tenant id is part of the path"
    if place != "header":
        return "the tenant does not travel in a header"
    if check == RESERVED and name.lower() == RESERVED_HEADER.lower():
        return "it is the header that the tenant travels in"
    return "" if plan.boundary else _NEEDS_BOUNDARY


_NEEDS_BOUNDARY = "it sends another tenant's id with a method that may change data: allow it with --boundary"


def attacks(plan: Plan) -> Iterator[Attack]:
    """The requests of every boundary check that is chosen and applies."""
    for check, requests in _REQUESTS.items():
        if check in plan.checks and not why_not(plan, check):
            yield from requests(plan)


def _missing(plan: Plan) -> Iterator[Attack]:
    # `invoke` begins with this call.
    if plan.kind == "probe":
        yield Attack(MISSING, None)


def _invalid(_: Plan) -> Iterator[Attack]:
    return (Attack(INVALID, None, claimed=id_) for id_ in INVALID_IDS)


def _reserved(plan: Plan) -> Iterator[Attack]:
    return (Attack(RESERVED, one, claimed=plan.tenants[other].id) for one, other in ((0, 1), (1, 0)))


def _ambiguous(plan: Plan) -> Iterator[Attack]:
    return (Attack(AMBIGUOUS, one, claimed=plan.tenants[other].id) for one, other in ((0, 1), (1, 0)))


def _foreign(plan: Plan) -> Iterator[Attack]:
    neighbours = [(n, (n + 1) % len(plan.tenants)) for n in range(min(len(plan.tenants), MOST_NEIGHBOURS))]
    pairs = dict.fromkeys(chain.from_iterable(((one, other), (other, one)) for one, other in neighbours))
    return (Attack(FOREIGN, asked, credential=owner) for owner, asked in pairs)


def _spaced(plan: Plan) -> Iterator[Attack]:
    yield Attack(SPACED, 0, claimed=plan.tenants[0].id + " ")


def _cacheable(plan: Plan) -> Iterator[Attack]:
    return (Attack(CACHEABLE, tenant.index) for tenant in plan.tenants[:MOST_NEIGHBOURS])


_REQUESTS = {
    CACHEABLE: _cacheable,
    SPACED: _spaced,
    MISSING: _missing,
    INVALID: _invalid,
    RESERVED: _reserved,
    AMBIGUOUS: _ambiguous,
    FOREIGN: _foreign,
}
