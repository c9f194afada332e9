"""`http-api`: an isolated function stands behind an HTTP API."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look, not_supported

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("use a REST API (AWS::ApiGateway), which can map the tenant"),
}


def run(description: Description) -> Judged:
    """Isolated functions that have one."""
    look = Look("http-api", _REMEDIES)
    return not_supported(look, description, lambda function: function.http_apis, "stands behind an HTTP API")


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
