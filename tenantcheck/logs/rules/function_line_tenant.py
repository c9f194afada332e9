"""`function-line-tenant`: a line of the function names another tenant than the platform does."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.logs.facts import Facts, exhibit
from tenantcheck.logs.rules.rule import LogRule, finding


def run(facts: Facts) -> Judged:
    """Streams in which the platform names one tenant, and the function's own lines name another one, too."""
    findings = [
        finding(
            "function-line-tenant",
            "weakness",
            row,
            says="A line of the function in {environment} names {first}; the platform ran it for {second}.",
            exhibits=(exhibit(row, row.said), exhibit(row, row.low)),
            tenants=[at.tenant for at in (row.said, row.low) if at is not None],
            fields=("tenantId",),
        )
        for row in facts.said.items
    ]
    return Judged(
        findings,
        facts.spoken,
        total=facts.said.total,
        unexercised="no line of the function names a tenant, in streams whose tenant is known",
    )


RULE = LogRule(
    id="function-line-tenant",
    summary="the function's own lines name the tenant that the platform names",
    needs="a tenant in platform records, and tenantId in the function's JSON lines",
    run=run,
    help=(
        "The function wrote a tenant id into its log that is not the one it ran for. The platform's record is "
        "the truth: no "
        "environment was shared. But something in the function kept, or was handed, another tenant's id: a "
        "logger that keeps "
        "its context from one invocation to the next, a cache, or data of that tenant. Find out which."
    ),
)
