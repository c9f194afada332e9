"""`provisioned-concurrency`: an isolated function has provisioned concurrency."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("take provisioned concurrency out"),
}


def run(description: Description) -> Judged:
    """Isolated functions that have one."""
    look = Look("provisioned-concurrency", _REMEDIES)
    for function in description.isolated:
        look.tells(function.resource)
        for each in function.provisioned:
            look.found(
                "open",
                "{function} is isolated and has provisioned concurrency: Lambda does not support both.",
                each,
                function=function.resource,
            )
    return look.judged(NO_FUNCTION)


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
