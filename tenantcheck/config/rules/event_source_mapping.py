"""`event-source-mapping`: an isolated function is fed by an event source mapping."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look, not_supported

_REMEDIES = {
    "CloudFormation, SAM and Terraform": (
        "let a function without isolation take the events and call Invoke with TenantId"
    ),
}


def run(description: Description) -> Judged:
    """Isolated functions that have one."""
    look = Look("event-source-mapping", _REMEDIES)
    return not_supported(look, description, lambda each: each.event_sources, "is fed by an event source mapping")


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
