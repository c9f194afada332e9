"""Which attacks on the tenant boundary a plan allows: the requests that are sent, and why others are not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Literal, NamedTuple

from tenantcheck.model.plan import FRAME, ORDINARY, CheckId, Plan, Purpose, Sent

MISSING: CheckId = "missing-tenant-accepted"
INVALID: CheckId = "invalid-tenant-accepted"
RESERVED: CheckId = "reserved-header-honoured"
AMBIGUOUS: CheckId = "ambiguous-tenant"
FOREIGN: CheckId = "foreign-tenant-accepted"
FORGED: CheckId = "forged-credentials-accepted"
CACHEABLE: CheckId = "replayed-response"
"""Ordinary requests but for the nonce, which stands in a header: a cache may take them for one another."""
NOT_ISOLATED: CheckId = "not-isolated"

RESERVED_HEADER = "X-Amz-Tenant-Id"
NONCE_HEADER = "x-tenantcheck-nonce"
#: What a handler wants to see before it gives its witness away, where it has a key.
KEY_HEADER = "x-tenantcheck-key"
#: Ids outside Lambda's pattern: a character that is not allowed, and one character too many.
INVALID_IDS = ("tck!invalid", "x" * 257)
#: Tenants whose credentials are tried on their neighbour, in both directions.
MOST_NEIGHBOURS = 10
#: Names that services read the tenant from besides the one they document, where `--alias` adds none.
ALIASES = (
    "header:tenant-id",
    "header:tenant",
    "header:x-tenant-id",
    "header:x-tenant",
    "header:x-tenantid",
    "header:x-org-id",
    "header:x-organization-id",
    "header:x-account-id",
    "header:x-customer-id",
    "header:x-amzn-tenant-id",
    "header:x-amzn-lambda-context",
    "query:tenant",
    "query:tenant_id",
    "query:tenantId",
    "query:tenant-id",
    "query:org_id",
)


class Attack(NamedTuple):
    """One request outside the waves."""

    purpose: Purpose
    tenant: int | None
    """Whom it is sent for."""
    sent: Sent = ORDINARY
    """What it carries that an ordinary request of that tenant does not."""

    @property
    def framed_by(self) -> int:
        """The tenant whose ordinary requests have to be served before and after it."""
        if self.sent.credential is not None:
            return self.sent.credential
        return self.tenant if self.tenant is not None else 0


class Group(NamedTuple):
    """Requests outside the waves that belong together."""

    attacks: tuple[Attack, ...]
    together: bool = False
    """All at once; otherwise one after the other."""


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
        return "" if place in ("header", "query", "invoke") else "the tenant id is part of the URL"
    if plan.kind == "invoke":
        return "Invoke carries the tenant in one header of its own"
    if check == FOREIGN and not by_credentials:
        return "tenants have no credentials of their own"
    if check == FORGED and not any(map(issued, plan.tenants[0].credential_names)):
        return "tenants have no tokens, keys or cookies of their own"
    if check == FOREIGN and place not in ("header", "query", "path", "host"):
        return "no tenant id is sent: run again without --tenant-from-credentials to see whether one overrides them"
    if check == AMBIGUOUS and place not in ("header", "query", "path", "host", "credentials"):
        return "the tenant does not travel in a header"
    if check == RESERVED and name.lower() == RESERVED_HEADER.lower():
        return "it is the header that the tenant travels in"
    return "" if plan.boundary else _NEEDS_BOUNDARY


_NEEDS_BOUNDARY = "it sends another tenant's id with a method that may change data: allow it with --boundary"


def opening_moves(plan: Plan) -> Sequence[Attack]:
    """Calls before the waves of `invoke`: one without a tenant and one with. They tell whether the function has a
    tenancy configuration at all."""
    if plan.tenant_place != "invoke":
        return ()
    return (Attack(NOT_ISOLATED, None), Attack(NOT_ISOLATED, 0))


def groups(plan: Plan) -> Iterator[Group]:
    """The requests outside the waves, of every check that is chosen and applies.

    Those that attack the boundary stand between ordinary requests of the same tenant.
    """
    chosen = [requests for check, requests in _REQUESTS.items() if check in plan.checks and not why_not(plan, check)]
    by_tenant: dict[int, list[Attack]] = {}
    for requests in chosen:
        sent = [*requests(plan)]
        for tenant in dict.fromkeys(attack.framed_by for attack in sent):
            own = [attack for attack in sent if attack.framed_by == tenant]
            frame = Attack(FRAME, tenant)
            by_tenant.setdefault(tenant, [frame]).extend((*own, frame))
    if CACHEABLE in plan.checks and not why_not(plan, CACHEABLE):
        yield from _cacheable(plan)
    yield from (Group(tuple(attacks)) for attacks in by_tenant.values())


def _missing(_: Plan) -> Iterator[Attack]:
    yield Attack(MISSING, None)


def _invalid(_: Plan) -> Iterator[Attack]:
    return (Attack(INVALID, None, Sent(ids=(id_,))) for id_ in INVALID_IDS)


def _reserved(plan: Plan) -> Iterator[Attack]:
    return (Attack(RESERVED, one, Sent(reserved=plan.tenants[other].id)) for one, other in _PAIR)


def _ambiguous(plan: Plan) -> Iterator[Attack]:
    place = plan.tenant_place.partition(":")[0]
    if place == "header":
        ids = [tenant.id for tenant in plan.tenants]
        yield from (Attack(AMBIGUOUS, one, Sent(ids=(ids[one], ids[other]))) for one, other in _PAIR)
    places: tuple[Literal["header", "query"], ...] = ("header", "query")
    for each in places:
        if names_in(plan.aliases, each):
            yield Attack(AMBIGUOUS, 0, Sent(elsewhere=plan.tenants[1].id, elsewhere_in=each))


def _foreign(plan: Plan) -> Iterator[Attack]:
    neighbours = [(n, (n + 1) % len(plan.tenants)) for n in range(min(len(plan.tenants), MOST_NEIGHBOURS))]
    pairs = dict.fromkeys(chain.from_iterable(((one, other), (other, one)) for one, other in neighbours))
    return (Attack(FOREIGN, asked, Sent(credential=owner)) for owner, asked in pairs)


def _forged(_: Plan) -> Iterator[Attack]:
    yield Attack(FORGED, 0, Sent(tampered="changed"))
    yield Attack(FORGED, 0, Sent(tampered="absent"))


_ISSUED = re.compile(r"auth|token|key|cookie|secret|session|jwt|bearer|password", re.IGNORECASE)


def issued(name: str) -> bool:
    """Whether a credential of this name is one that a service issued, and can look at: no routing header, and nothing
    that AWS verifies by itself."""
    return not name.startswith("aws_") and _ISSUED.search(name) is not None


def changed(value: str) -> str:
    """Credentials with one character changed, in the longest word behind the scheme: of a JSON Web Token the first of
    its signature, of anything else the one in the middle."""
    scheme = _SCHEME.match(value)
    words = [*_TOKEN.finditer(value, scheme.end() if scheme else 0)]
    if not words:
        return f"{value}x"
    longest = max(words, key=lambda word: len(word.group()))
    token = longest.group()
    at = longest.start() + (token.rindex(".") + 1 if token.count(".") == 2 else len(token) // 2)
    return f"{value[:at]}{_another(value[at : at + 1])}{value[at + 1 :]}"


_SCHEME = re.compile(r"[A-Za-z0-9-]+ +")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]*[A-Za-z0-9_~+/-]")


def _another(character: str) -> str:
    """One that is as good as this in a number, in hexadecimal digits and in base64."""
    for alphabet in ("0123456789", "abcdef", "ABCDEF", "ghijklmnopqrstuvwxyz", "GHIJKLMNOPQRSTUVWXYZ"):
        if character and character in alphabet:
            return alphabet[(alphabet.index(character) + 1) % len(alphabet)]
    return "x"


def _cacheable(plan: Plan) -> Iterator[Group]:
    """All at once, for edges that merge requests in flight; then twice each, for those that keep answers: the second
    answer to a tenant tells whether there is a cache at all."""
    once = tuple(
        Attack(CACHEABLE, tenant.index, Sent(nonce_in_header=True)) for tenant in plan.tenants[:MOST_NEIGHBOURS]
    )
    yield Group(once, together=True)
    yield Group((*once, *once))


_PAIR = ((0, 1), (1, 0))

_REQUESTS = {
    MISSING: _missing,
    INVALID: _invalid,
    FOREIGN: _foreign,
    FORGED: _forged,
    RESERVED: _reserved,
    AMBIGUOUS: _ambiguous,
}


def names_in(aliases: Sequence[str], place: str) -> list[str]:
    """The names among `aliases` that travel in a `header` or the `query`."""
    return [name for kind, _, name in (alias.partition(":") for alias in aliases) if kind == place]


def alias_values(names: Sequence[str], id_: str) -> Mapping[str, str]:
    """What is sent under each other name to claim `id_`."""
    # Lambda Web Adapter hands the context on as JSON.
    return {name: f'{{"tenant_id": "{id_}"}}' if name.endswith("-context") else id_ for name in names}
