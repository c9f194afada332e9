"""`invoke-permission-names-any-tenant`: somebody besides API Gateway may invoke the function, as any tenant."""

from __future__ import annotations

import re

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look
from tenantcheck.config.values import text_of

_REMEDIES = {
    "CloudFormation and SAM": (
        "AWS::Lambda::Permission: Principal apigateway.amazonaws.com with SourceArn of the one API"
    ),
    "Terraform": ('aws_lambda_permission: source_arn = "${aws_api_gateway_rest_api.api.execution_arn}/*/GET/path"'),
}


def run(description: Description) -> Judged:
    """Permissions of isolated functions."""
    look = Look("invoke-permission-names-any-tenant", _REMEDIES)
    for function in description.isolated:
        look.tells(function.resource)
        for caller in function.callers:
            if not look.tells(function.resource, caller.principal):
                continue
            if text_of(caller.principal) != "apigateway.amazonaws.com":
                says = "{principal} may invoke {function}, and name any tenant."
            elif caller.source is None or _any_api(text_of(caller.source)):
                says = "{principal} may invoke {function} for more than one API: no SourceArn limits it to one."
            else:
                continue
            look.found(
                "weakness", says, caller.found, function=function.resource, principal=text_of(caller.principal) or "?"
            )
    return look.judged(NO_FUNCTION)


def _any_api(source: str | None) -> bool:
    """Whether a source is no one API: a wildcard stands in its account or where the API's id is."""
    parts = re.sub(r"\$\{[^}]*\}", "x", source or "").split(":", 5)
    if len(parts) < 6:
        return "*" in (source or "")
    return "*" in parts[4] or "*" in parts[5].partition("/")[0]


RULE = ConfigRule(
    id="invoke-permission-names-any-tenant",
    summary="only one API may invoke an isolated function",
    needs="isolated functions and their permissions",
    run=run,
    help=(
        "No IAM condition key exists for a tenant: whoever may call lambda:InvokeFunction may name any "
        "tenant. Keep the number of those who may small, and put what names tenants in front of it."
    ),
)
