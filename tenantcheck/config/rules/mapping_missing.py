"""`mapping-missing`: a method calls an isolated function and names no tenant."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import MAPPING, MAPPING_REMEDIES, NO_METHOD, ConfigRule, Look, of_method
from tenantcheck.config.values import text_of


def run(description: Description) -> Judged:
    """Methods of REST APIs that call isolated functions."""
    look = Look("mapping-missing", MAPPING_REMEDIES)

    for method in description.mapped:
        undecided = method.function.tenancy if method.function and method.function.isolated is None else None
        if not look.tells(method.resource, method.unknown, method.mapping, undecided):
            continue
        if method.mapping is None:
            says = "{method} calls an isolated function and names no tenant: Lambda refuses every request."
            look.found("open", says, of_method(method, MAPPING, None), method=method.resource)
        elif (method.source or "").startswith("context.authorizer.") and text_of(method.authorization) == "NONE":
            says = "{method} names what its authorizer says, and has none: Lambda refuses every request."
            look.found("open", says, of_method(method, MAPPING, method.mapping), method=method.resource)
    return look.judged(NO_METHOD)


RULE = ConfigRule(
    id="mapping-missing",
    summary="every method of an isolated function names the tenant",
    needs="methods that call isolated functions",
    run=run,
    help=(
        "Lambda answers 400 to a request without a tenant, and API Gateway does not forward a client's own "
        "X-Amz-Tenant-Id. Map the tenant that the authorizer knows. SAM's event Api has no place for it: "
        "write an AWS::ApiGateway::Method or an OpenAPI document."
    ),
)
