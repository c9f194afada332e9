"""`provisioned-concurrency`: an isolated function has provisioned concurrency."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look, not_supported

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("take provisioned concurrency out"),
}


def run(description: Description) -> Judged:
    """Isolated functions that have one."""
    look = Look("provisioned-concurrency", _REMEDIES)
    return not_supported(look, description, lambda function: function.provisioned, "has provisioned concurrency")


RULE = ConfigRule(
    id="provisioned-concurrency",
    summary="no isolated function has provisioned concurrency",
    needs="isolated functions",
    run=run,
    help=(
        "AWS does not support this beside tenant isolation: the deployment is refused, or requests reach the "
        "function without a tenant. Environments are made for a tenant when it calls."
    ),
)
