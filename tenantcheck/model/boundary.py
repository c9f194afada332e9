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

RESERVED_HEADER = "X-Amz-Tenant-Id"
NONCE_HEADER = "x-tenantcheck-nonce"
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
    if not plan.tenant_place:
        return "how the tenant travels is not known"
    return _why_not_boundary(plan, check)


def _why_not_boundary(plan: Plan, check: str) -> str:
    place, _, name = plan.tenant_place.partition(":")
    by_credentials = any(tenant.credential_names for tenant in plan.tenants)
    if check in (MISSING, INVALID):
        if by_credentials:
            return "tenants have credentials, which say who they are"
        return "" if plan.kind == "invoke" or place in ("header", "query") else "the tenant id is part of the path"
    if plan.kind == "invoke":
        return "Invoke carries the tenant in one header of its own"
    if check == FOREIGN and not by_credentials:
        return "tenants have no credentials of their own"
    if check == FOREIGN and place not in ("header", "query", "path"):
        return "no tenant id is sent: run again without --tenant-from-credentials to see whether one overrides them"
    if check == AMBIGUOUS and place != "header":
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


def _cacheable(plan: Plan) -> Iterator[Attack]:
    # Twice each: the second answer to a tenant tells whether there is a cache at all.
    return (Attack(CACHEABLE, tenant.index) for _ in range(2) for tenant in plan.tenants[:MOST_NEIGHBOURS])


_REQUESTS = {
    CACHEABLE: _cacheable,
    MISSING: _missing,
    INVALID: _invalid,
    FOREIGN: _foreign,
    RESERVED: _reserved,
    AMBIGUOUS: _ambiguous,
}
