"""`event-source-mapping`: an isolated function is fed by an event source mapping."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look

_REMEDIES = {
    "CloudFormation, SAM and Terraform": (
        "let a function without isolation take the events and call Invoke with TenantId"
    ),
}


def run(description: Description) -> Judged:
    """Isolated functions that have one."""
    look = Look("event-source-mapping", _REMEDIES)
    for function in description.isolated:
        look.tells(function.resource)
        for each in function.event_sources:
            look.found(
                "open",
                "{function} is isolated and is fed by an event source mapping: Lambda does not support both.",
                each,
                function=function.resource,
            )
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="event-source-mapping",
    summary="no event source mapping feeds an isolated function",
    needs="isolated functions",
    run=run,
    help=(
        "AWS does not support this beside tenant isolation: the deployment is refused, or requests reach the "
        "function without a tenant. A record carries no tenant: AWS recommends a routing function that calls "
        "Invoke with TenantId."
    ),
)
