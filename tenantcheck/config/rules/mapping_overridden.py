"""`mapping-overridden`: a template of the request may set the tenant itself."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_METHOD, ConfigRule, Look

_REMEDIES = {
    "CloudFormation, SAM and Terraform": (
        "use the integration type AWS_PROXY, or take requestOverride.header out of the template"
    ),
}


def run(description: Description) -> Judged:
    """Methods of REST APIs that call isolated functions."""
    look = Look("mapping-overridden", _REMEDIES)
    for method in description.mapped:
        look.tells(method.resource)
        if method.overridden is not None:
            says = "{method} has a request template that sets headers: it may set another tenant than the one mapped."
            look.found("open", says, method.overridden, method=method.resource)
    return look.judged(NO_METHOD)


RULE = ConfigRule(
    id="mapping-overridden",
    summary="no request template sets the tenant beside the mapping",
    needs="methods that call isolated functions",
    run=run,
    help=(
        "A request template can set any header with $context.requestOverride, X-Amz-Tenant-Id among them, whatever "
        "the mapping says. What it does is code: only a run with forged tenants shows it."
    ),
)
