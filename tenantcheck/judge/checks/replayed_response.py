"""`replayed-response`: a response that answers another request."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck
from tenantcheck.judge.checks.foreign_residue import foreign_finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model.boundary import CACHEABLE


def run(environments: Environments) -> Judged:
    """Echoed nonces of another tenant's request. Replays within a tenant are no breach and no reuse.

    Where the nonce in the URL keeps a run out of caches, only its cacheable requests could have been replayed.
    """
    plan = environments.plan
    findings = [
        foreign_finding(environments, "replayed-response", replay, ("nonce",), _GIVEN)
        for replay in environments.nonces.replays.items
    ]
    return Judged(
        findings,
        _echoes(environments),
        total=environments.nonces.replays.total,
        unexercised=(
            "no cacheable answer echoed a nonce (the handler has to read it in the header x-tenantcheck-nonce too)"
            if plan.nonce_in_url
            else "no answer echoed the nonce it was sent"
        ),
    )


_GIVEN = (
    "{second} was given the response to a request of {first}.",
    "{tenants} was given the response to another tenant's request of an earlier run.",
)


def _echoes(environments: Environments) -> int:
    """Answers that could have been replayed."""
    if CACHEABLE not in environments.attacks.by_purpose:
        return environments.nonces.echoes
    answers = (framed.observation.witness for framed in environments.attacks.by_purpose[CACHEABLE])
    return sum(witness is not None and witness.nonce is not None for witness in answers)


CHECK = RunCheck(
    id="replayed-response",
    summary="no tenant was given the response to another tenant's request",
    needs="a handler that echoes the nonce",
    run=run,
    help=(
        "A response echoed the nonce of another tenant's request: something between client and function "
        "(CDN, API Gateway stage cache, reverse proxy) keeps responses under a key without the tenant. Add "
        "the tenant to the cache key, or turn the cache off for this route."
    ),
)
