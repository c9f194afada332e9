"""What the boundary checks share: who a request was served as, and whether it was refused."""

from __future__ import annotations

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


def was_served(observation: Observation) -> bool:
    """Whether the handler, or something in its place, answered as if all was well."""
    good = observation.status is not None and 200 <= observation.status < 300
    return observation.outcome in ("served", "no-witness") and good


def was_refused(observation: Observation) -> bool:
    """Refused is any 4xx but 408 and 429."""
    return observation.outcome == "refused"


def boundary_judged(plan: Plan, check: str, findings: list[Finding], decided: int) -> Judged:
    """The result of a boundary check with so many decided requests."""
    return Judged(
        findings,
        decided,
        not_applicable=why_not(plan, check),
        unexercised="no such request was served or refused in a way that says who it was served as",
    )
