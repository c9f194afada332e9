"""What the boundary checks share: who a request was served as, and how many requests are decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tenantcheck.checks.check import Judged
from tenantcheck.environments import Environments
from tenantcheck.model import IDENTITIES, Finding, Observation, Plan
from tenantcheck.model.boundary import why_not


def served_as(environments: Environments, observation: Observation) -> int | None:
    """Index of the tenant a request was served as: the one its witness names, else the one that owns the
    environment. None when neither is known."""
    witness = observation.witness
    if witness is None or observation.outcome != "served":
        return None
    if witness.tenant_id is not None:
        named = [tenant.index for tenant in environments.people if tenant.expect == witness.tenant_id]
        return named[0] if named else None
    for name in IDENTITIES:
        known = environments.by_field[name].get(getattr(witness, name) or "")
        if known is not None and name not in environments.discredited:
            return known.owner
    return None


def served_requests(environments: Environments, purpose: str) -> tuple[list[tuple[Observation, int]], int]:
    """The requests of a check that were served as a known tenant, each with its index, and how many requests are
    decided: those, and the refused ones."""
    calls = environments.purposes.get(purpose, ())
    served = [(o, index) for o in calls if (index := served_as(environments, o)) is not None]
    return served, len(served) + _refused(calls)


def accepted_requests(calls: Sequence[Observation]) -> tuple[list[Observation], int]:
    """The calls that the handler, or something in its place, answered as if all was well, and how many are
    decided: those, and the refused ones."""
    accepted = [
        o for o in calls if o.outcome in ("served", "no-witness") and o.status is not None and 200 <= o.status < 300
    ]
    return accepted, len(accepted) + _refused(calls)


def _refused(calls: Iterable[Observation]) -> int:
    """Refused is any 4xx but 408 and 429."""
    return sum(o.outcome == "refused" for o in calls)


def boundary_judged(plan: Plan, check: str, findings: list[Finding], decided: int) -> Judged:
    """The result of a boundary check with so many decided requests."""
    return Judged(
        findings,
        decided,
        not_applicable=why_not(plan, check),
        unexercised="no such request was served or refused in a way that says who it was served as",
    )
