"""`shared-environment`: two tenants ran in one log stream, which is one environment."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.logs.facts import Facts, exhibit
from tenantcheck.logs.rules.rule import LogRule, finding


def run(facts: Facts) -> Judged:
    """Every stream with a smallest and a largest tenant that differ. An environment that serves once can't be
    shared, and where all belong to one tenant nothing could have crossed."""
    findings = [
        finding(
            "shared-environment",
            "breach",
            row,
            says="Environment {environment} served {tenants} (by {fields}).",
            exhibits=(exhibit(row, row.low), exhibit(row, row.high)),
            tenants=[at.tenant for at in (row.low, row.high) if at is not None],
            fields=("logStreamName", "tenantId"),
        )
        for row in facts.shared.items
    ]
    return Judged(
        findings,
        facts.reuses if len(facts.tenants) > 1 else 0,
        total=facts.shared.total,
        unexercised=(
            "the logs name one tenant only, so nothing could have crossed"
            if len(facts.tenants) == 1
            else "no environment served twice with a tenant that the logs name"
        ),
    )


RULE = LogRule(
    required=True,
    id="shared-environment",
    summary="no environment served more than one tenant",
    needs="platform.start with a tenant: JSON log format, at level INFO or DEBUG",
    run=run,
    help=(
        "One execution environment answered requests of two tenants, so memory and scratch directory of one were "
        "within "
        "reach of the other. Check that the function was created with TenancyConfig PER_TENANT (it can't be added "
        "later: create the function anew) and that the tenant id reaches Invoke. The platform's own records say "
        "it: a "
        "log stream is one environment."
    ),
)
