"""`tenancy-disabled`: a function that should be isolated is not."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description, expected
from tenantcheck.config.rules.rule import MAPPING, NO_FUNCTION, ConfigRule, Look, of_function, of_method
from tenantcheck.config.values import Unknown

_REMEDIES = {
    "CloudFormation and SAM": ("Properties: {TenancyConfig: {TenantIsolationMode: PER_TENANT}}"),
    "Terraform": ('tenancy_config { tenant_isolation_mode = "PER_TENANT" }'),
    "CLI": ("aws lambda create-function --tenancy-config TenantIsolationMode=PER_TENANT (not at update)"),
}


def run(description: Description) -> Judged:
    """Functions that somebody expects to be isolated, or that a tenant is mapped to."""
    look = Look("tenancy-disabled", _REMEDIES)
    mapped = {id(method.function): method for method in description.methods if method.function and method.mapping}
    for function in description.functions:
        method = mapped.get(id(function))
        if function.isolated is None:
            look.tells(function.resource, function.tenancy)
            continue
        if method is None and not expected(function, description.expected) and not function.isolated:
            continue
        if not look.tells(function.resource, function.tenancy) or function.isolated:
            continue
        found = of_function(function, "TenancyConfig.TenantIsolationMode", function.tenancy)
        if method is not None:
            says = "{function} is not in tenant isolation mode, though {method} names a tenant for it."
            look.found(
                "breach",
                says,
                found,
                of_method(method, MAPPING, method.mapping),
                function=function.resource,
                method=method.resource,
            )
        else:
            look.found("breach", "{function} should be isolated and is not.", found, function=function.resource)
    for method in description.methods:
        if method.mapping is not None and method.function is None:
            why = "which function it calls is not known: it may be one that is not isolated"
            look.tells(method.resource, Unknown(why, method.place))
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="tenancy-disabled",
    summary="functions that should be isolated are in tenant isolation mode",
    needs="the functions of --expect, or a method that names a tenant",
    run=run,
    help=(
        "All tenants share the environments of such a function. The mode is set when a function is created: "
        "adding it later replaces the function. Source: Lambda guide, tenant isolation."
    ),
)
