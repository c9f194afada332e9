"""`mapping-literal`: a method names the same tenant for every request."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import MAPPING, NO_METHOD, ConfigRule, Look, of_method

_REMEDIES = {
    "CloudFormation and SAM": (
        "AWS::ApiGateway::Method: Integration: {RequestParameters: "
        "{integration.request.header.X-Amz-Tenant-Id: context.authorizer.tenantId}}"
    ),
    "Terraform": (
        'aws_api_gateway_integration: request_parameters = { "integration.request.header.X-Amz-Tenant-Id" = '
        '"context.authorizer.tenantId" }'
    ),
    "CLI": (
        "aws apigateway update-integration --patch-operations "
        "op=add,path=/requestParameters/integration.request.header.X-Amz-Tenant-Id,value=context.authorizer.tenantId"
    ),
}

_REQUEST = ("method.request.", "context.authorizer.", "context.identity.")
#: What API Gateway knows of a request that is the same for every caller.
_CONSTANT = frozenset(
    {
        "context.apiId",
        "context.accountId",
        "context.domainName",
        "context.domainPrefix",
        "context.httpMethod",
        "context.path",
        "context.protocol",
        "context.resourceId",
        "context.resourcePath",
        "context.stage",
    }
)


def run(description: Description) -> Judged:
    """Methods of REST APIs that call isolated functions."""
    look = Look("mapping-literal", _REMEDIES)

    for method in description.mapped:
        if method.mapping is None or not look.tells(method.resource, method.mapping):
            continue
        source = method.source or ""
        if source.startswith(_REQUEST) or (source.startswith("context.") and source not in _CONSTANT):
            continue
        says = "{method} names one tenant for all requests: every tenant shares its environments."
        look.found("breach", says, of_method(method, MAPPING, method.mapping), method=method.resource)
    return look.judged(NO_METHOD)


RULE = ConfigRule(
    id="mapping-literal",
    summary="the tenant of a request comes from the request",
    needs="methods that call isolated functions",
    run=run,
    help=(
        "A literal value, a stage variable or a value that is the same for every caller makes all tenants "
        "one. Map context.authorizer.tenantId, or a parameter of the request."
    ),
)
