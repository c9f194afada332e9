"""`log-class-without-queries`: a log group has a class that can't be asked."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description, Found
from tenantcheck.config.rules.rule import ConfigRule, Look
from tenantcheck.config.values import text_of

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("LogGroupClass: STANDARD"),
}


def run(description: Description) -> Judged:
    """Log groups of isolated functions."""
    look = Look("log-class-without-queries", _REMEDIES)
    for function in description.isolated:
        for group in function.groups:
            if look.tells(group.resource, group.kind) and text_of(group.kind) == "DELIVERY":
                says = "The log group of {function} is of a class that can't be queried."
                found = Found(
                    group.resource, "LogGroupClass", group.kind.place if group.kind else group.place, group.kind
                )
                look.found("weakness", says, found, function=function.resource)
    return look.judged("no log group of an isolated function was found")


RULE = ConfigRule(
    id="log-class-without-queries",
    summary="log groups of isolated functions can be queried",
    needs="log groups of isolated functions",
    run=run,
    help=("Logs of the class DELIVERY only go on to another store: audit them there."),
)
