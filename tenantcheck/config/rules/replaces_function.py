"""`replaces-function`: the setting replaces a function, or can't."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look, of_function

_REMEDIES = {
    "CloudFormation and SAM": ("leave FunctionName out, or change it together with TenancyConfig"),
    "Terraform": ("lifecycle { create_before_destroy = true } with a new function_name"),
}


def run(description: Description) -> Judged:
    """Changes that replace a function, and names that stand in the way of one."""
    look = Look("replaces-function", _REMEDIES)
    for function in description.isolated:
        if not look.tells(function.resource, function.name):
            continue
        if function.replaced is not None:
            look.found("weakness", "This change replaces {function}.", function.replaced, function=function.resource)
        elif function.name is not None and function.name.place.line:
            says = "{function} has a fixed name: a function that exists without isolation can't be replaced by it."
            look.found(
                "weakness", says, of_function(function, "FunctionName", function.name), function=function.resource
            )
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="replaces-function",
    summary="no change to isolation replaces a function that is in use",
    needs="isolated functions",
    run=run,
    help=(
        "TenancyConfig can be set at creation only. Changing it replaces the function, with its versions, "
        "aliases and triggers; CloudFormation refuses to replace one that has a fixed name. Leave the name "
        "out, or deploy beside the old one and switch over."
    ),
)
