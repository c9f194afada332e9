"""`unexpected-tenant`: the function ran for somebody who is not on the list."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.logs.facts import Facts, exhibit
from tenantcheck.logs.rules.rule import LogRule, finding


def run(facts: Facts) -> Judged:
    """Streams of a tenant that `--expect` does not name."""
    findings = [
        finding(
            "unexpected-tenant",
            "weakness",
            row,
            says="Environment {environment} ran for {tenants}, whom --expect does not name.",
            exhibits=(exhibit(row, at),),
            tenants=[at.tenant],
            fields=("tenantId",),
        )
        for row, at in facts.foreign.items
    ]
    return Judged(
        findings,
        facts.named if facts.expected is not None else 0,
        total=facts.foreign.total,
        not_applicable="" if facts.expected is not None else "nobody said which tenants to expect (--expect)",
        unexercised="no stream has a tenant that the platform names",
    )


RULE = LogRule(
    id="unexpected-tenant",
    summary="the function ran for expected tenants only",
    needs="--expect, and a tenant in platform records",
    run=run,
    help=(
        "Somebody called the function with a tenant id that is not one of yours: whoever may call "
        "lambda:InvokeFunction may "
        "name any tenant. Look at who calls it, and at the mapping in front of it: an id that a client may "
        "choose freely, "
        "an id in another spelling, a default for missing values."
    ),
)
