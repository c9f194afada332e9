"""`log-masking-hides-tenant`: a log group of an isolated function masks values."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("limit DataProtectionPolicy to identifiers that no tenant id looks like"),
}


def run(description: Description) -> Judged:
    """Log groups of isolated functions."""
    look = Look("log-masking-hides-tenant", _REMEDIES)
    for function in description.isolated:
        for group in function.groups:
            look.tells(group.resource)
            if group.masking is not None:
                says = "The log group of {function} masks values: tenant ids can turn into asterisks."
                look.found("weakness", says, group.masking, function=function.resource)
    return look.judged("no log group of an isolated function was found")


RULE = ConfigRule(
    id="log-masking-hides-tenant",
    summary="no log group of an isolated function masks values",
    needs="log groups of isolated functions",
    run=run,
    help=(
        "A data protection policy masks what looks like personal data, tenant ids among it; then all tenants "
        "look the same. tenantcheck audit --unmask reads them, with logs:Unmask."
    ),
)
