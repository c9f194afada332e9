"""`shared-environment`: one environment served more than one tenant."""

from __future__ import annotations

from tenantcheck.checks.check import Check, Judged, asked_for, finding
from tenantcheck.environments import KEPT, Environments
from tenantcheck.model import IDENTITIES, Finding, Observation, Plan


def run(environments: Environments, plan: Plan) -> Judged:
    """Every pair of neighbouring answers of one environment that belong to two tenants."""
    findings: list[Finding] = []
    named: set[tuple[int, int]] = set()
    for environment, earlier, later in environments.shared():
        pair = (earlier.request.seq, later.request.seq)
        if pair in named:
            continue
        named.add(pair)
        if len(findings) < KEPT:
            findings.append(
                finding(
                    environments,
                    "shared-environment",
                    "breach",
                    exhibits=(earlier, later),
                    fields=shared_fields(earlier, later),
                    tenants=(*asked_for(earlier), *asked_for(later)),
                    environment=environment.id,
                )
            )
    return Judged(
        findings,
        environments.could_share,
        total=len(named),
        unexercised="no answer named its environment after another tenant's request had ended",
    )


def shared_fields(earlier: Observation, later: Observation) -> list[str]:
    """The identities that two answers have in common."""
    return [
        name
        for name in IDENTITIES
        if earlier.witness is not None
        and later.witness is not None
        and getattr(earlier.witness, name) is not None
        and getattr(earlier.witness, name) == getattr(later.witness, name)
    ]


CHECK = Check(
    id="shared-environment",
    summary="no environment served more than one tenant",
    needs="an identity in the answers: executionEnvironmentId, sandboxId or logStreamName",
    run=run,
    help=(
        "One execution environment answered requests of two tenants, so memory and scratch directory of one "
        "were within reach of the other. Check that the function was created with TenancyConfig PER_TENANT "
        "(it can't be added later: create the function anew) and that the tenant id reaches Invoke."
    ),
)
