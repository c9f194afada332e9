"""`http-api`: an isolated function stands behind an HTTP API."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("use a REST API (AWS::ApiGateway), which can map the tenant"),
}


def run(description: Description) -> Judged:
    """Isolated functions that have one."""
    look = Look("http-api", _REMEDIES)
    for function in description.isolated:
        look.tells(function.resource)
        for each in function.http_apis:
            look.found(
                "open",
                "{function} is isolated and stands behind an HTTP API: Lambda does not support both.",
                each,
                function=function.resource,
            )
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="http-api",
    summary="no isolated function stands behind an HTTP API",
    needs="isolated functions",
    run=run,
    help=(
        "AWS does not support this beside tenant isolation: the deployment is refused, or requests reach the "
        "function without a tenant. HTTP APIs can not set X-Amz-Tenant-Id."
    ),
)
