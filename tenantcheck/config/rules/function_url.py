"""`function-url`: an isolated function has a function URL."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look, not_supported

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("call the function through a REST API or Invoke"),
}


def run(description: Description) -> Judged:
    """Isolated functions that have one."""
    look = Look("function-url", _REMEDIES)
    return not_supported(look, description, lambda function: function.urls, "has a function URL")


RULE = ConfigRule(
    id="function-url",
    summary="no isolated function has a function URL",
    needs="isolated functions",
    run=run,
    help=(
        "AWS does not support this beside tenant isolation: the deployment is refused, or requests reach the "
        "function without a tenant. A function URL carries no tenant."
    ),
)
