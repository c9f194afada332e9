"""`tenancy-misplaced`: a tenancy setting stands where it is dropped without a word."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look, of_function
from tenantcheck.config.values import text_of

_REMEDIES = {
    "CloudFormation and SAM": ("Properties: {TenancyConfig: {TenantIsolationMode: PER_TENANT}}"),
    "Terraform": ('tenancy_config { tenant_isolation_mode = "PER_TENANT" }'),
    "CLI": ("aws lambda create-function --tenancy-config TenantIsolationMode=PER_TENANT (not at update)"),
}


def run(description: Description) -> Judged:
    """Every function, isolated or not."""
    look = Look("tenancy-misplaced", _REMEDIES)
    for function in description.functions:
        if not look.tells(function.resource, function.tenancy):
            continue
        mode = text_of(function.tenancy)
        if mode is not None and not function.isolated:
            found = of_function(function, "TenancyConfig.TenantIsolationMode", function.tenancy)
            look.found(
                "breach", "{function} has a tenancy mode that does not exist.", found, function=function.resource
            )
        for each in function.misplaced if not function.isolated else ():
            says = "{function} has a tenancy setting in a place where it is dropped: the function is not isolated."
            look.found("breach", says, each, function=function.resource)
    return look.judged("no function was found")


RULE = ConfigRule(
    id="tenancy-misplaced",
    summary="every tenancy setting stands where Lambda reads it",
    needs="functions",
    run=run,
    help=(
        "SAM drops keys that it does not know, such as TenancyConfig beside Properties, and deploys a "
        "function without isolation. Put it into Properties, as TenancyConfig with TenantIsolationMode: "
        "PER_TENANT."
    ),
)
