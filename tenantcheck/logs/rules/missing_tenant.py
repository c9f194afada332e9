"""`missing-tenant`: the platform started an invocation and names no tenant for it."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.logs.facts import Facts, exhibit
from tenantcheck.logs.rules.rule import LogRule, finding


def run(facts: Facts) -> Judged:
    """Streams in JSON format with starts that have no tenantId."""
    findings = [
        finding(
            "missing-tenant",
            "open",
            row,
            says="{starts} of {all} invocations in {environment} ran for no tenant that the platform names.",
            exhibits=(exhibit(row, row.unnamed_at),),
            fields=("tenantId",),
            details={"starts": row.unnamed, "all": row.starts},
        )
        for row in facts.unnamed.items
    ]
    return Judged(
        findings,
        facts.in_json,
        total=facts.unnamed.total,
        unexercised="no platform.start in JSON format was found",
    )


RULE = LogRule(
    id="missing-tenant",
    summary="the platform named a tenant for every invocation",
    needs="platform.start: JSON log format, at level INFO or DEBUG",
    run=run,
    help=(
        "Lambda names the tenant of every invocation of a function with TenancyConfig PER_TENANT, and refuses "
        "one without. "
        "So this function, or this version of it, has no tenancy configuration: all tenants share its "
        "environments. Or "
        "something took the field out of the records (a transformer, field selection)."
    ),
)
