"""What the boundary checks share: who a request was served as, and which requests are decided.

A refusal proves a boundary only between two ordinary requests that were served: a firewall, an ended session or a
cached 404 refuses everything. A 2xx is acceptance only where it was served as somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tenantcheck.checking import Judged
from tenantcheck.judge.environments import Environments, Framed
from tenantcheck.model import IDENTITIES, REFUSED, Finding, Observation, Plan
from tenantcheck.model.boundary import why_not


class Served(NamedTuple):
    """A request outside the waves, and the tenant it was served as."""

    observation: Observation
    tenant: int


class Asked(NamedTuple):
    """The requests of one check."""

    served: list[Served]
    """Those that were served as a known tenant, framed or not."""
    accepted: list[Observation]
    """Those that were served as somebody, framed or not."""
    refused: int
    """How many were refused between two ordinary ones that were served."""
    undecided: list[Observation]
    """Those that were answered by what may not be the service: a sign-in page, a challenge, an error in a 200."""
    unframed: list[Framed]
    """Those that were refused, as the ordinary requests beside them may have been."""


def served_as(environments: Environments, observation: Observation) -> int | None:
    """Index of the tenant a request was served as: the one its witness names, else the one that owns the
    environment. None when neither is known."""
    witness = observation.witness
    if witness is None or observation.outcome != "served":
        return None
    if witness.tenant_id is not None:
        return environments.people.named(witness.tenant_id)
    for name in IDENTITIES:
        known = environments.places.by_field[name].get(getattr(witness, name) or "")
        if known is not None and name not in environments.identities.discredited:
            return known.owner
    return None


def asked(environments: Environments, purpose: str, *, tenantless: bool = False) -> Asked:
    """How the requests of a check ended; `tenantless` leaves out those that were sent for a tenant."""
    result = Asked([], [], 0, [], [])
    refused = 0
    for framed in environments.attacks.by_purpose.get(purpose, ()):
        observation = framed.observation
        if tenantless and observation.request.tenant is not None:
            continue
        if _as_somebody(framed):
            result.accepted.append(observation)
            tenant = served_as(environments, observation)
            if tenant is not None:
                result.served.append(Served(observation, tenant))
        elif observation.outcome in REFUSED:
            if framed.proves:
                refused += 1
            else:
                result.unframed.append(framed)
        elif observation.status is not None and observation.status < 400:
            result.undecided.append(observation)
    return result._replace(refused=refused)


def _as_somebody(framed: Framed) -> bool:
    """Whether a request was served: it brought a witness, the echo of its nonce, or a body of the shape that ordinary
    requests get."""
    observation = framed.observation
    if observation.status is not None and not 200 <= observation.status < 300:
        return False
    if observation.outcome == "served":
        return True
    if observation.outcome != "no-witness":
        return False
    if any(seen.nonce == observation.request.nonce for seen in observation.seen):
        return True
    beside = framed.before if framed.before is not None else framed.after
    return (
        beside is not None
        and beside.outcome in ("served", "no-witness")
        and observation.shape is not None
        and observation.shape == beside.shape
    )


def boundary_judged(
    plan: Plan, check: str, findings: Sequence[Finding], requests: Asked, served: Sequence[object]
) -> Judged:
    """The result of a boundary check; `served` are the requests that were not refused and say something."""
    undecided = ""
    if requests.undecided:
        undecided = f"answered, but not as somebody: {_answers(requests.undecided)}"
    elif requests.unframed:
        undecided = _unframed(requests.unframed)
    decided = len(served) + requests.refused if not undecided or findings else 0
    return Judged(
        findings,
        decided,
        not_applicable=why_not(plan, check),
        unexercised=undecided or "no such request was served or refused in a way that says who it was served as",
    )


def _answers(observations: Sequence[Observation]) -> str:
    """Statuses and types of these answers."""
    kinds = {f"{o.status} {o.headers.get('content-type', 'without a type')}" for o in observations}
    return ", ".join(sorted(kinds))


def _unframed(unframed: Sequence[Framed]) -> str:
    """Why a refusal says nothing."""
    beside = [each for framed in unframed for each in (framed.before, framed.after) if each is not None]
    bad = next((each for each in beside if each.outcome != "served"), None)
    if bad is None:
        return "it was refused, and no ordinary request was served beside it"
    told = bad.error_text or (f"HTTP {bad.status}" if bad.status is not None else "no answer")
    return f"it was refused, and so were ordinary requests beside it ({bad.outcome}: {told})"
