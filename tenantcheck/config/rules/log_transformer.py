"""`log-transformer`: a log group of an isolated function is transformed."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("take the transformer out, or audit the live group"),
}


def run(description: Description) -> Judged:
    """Log groups of isolated functions."""
    look = Look("log-transformer", _REMEDIES)
    for function in description.isolated:
        for group in function.groups:
            look.tells(group.resource)
            if group.transformer is not None:
                says = (
                    "The log group of {function} is transformed: Logs Insights and subscriptions "
                    "may see other fields."
                )
                look.found("weakness", says, group.transformer, function=function.resource)
    return look.judged("no log group of an isolated function was found")


RULE = ConfigRule(
    id="log-transformer",
    summary="no log group of an isolated function is transformed",
    needs="log groups of isolated functions",
    run=run,
    help=(
        "A transformer changes what Logs Insights and subscriptions see; the tenant can be lost. "
        "FilterLogEvents reads lines as they were written."
    ),
)
