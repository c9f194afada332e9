"""`header-not-required`: a request without a tenant is not refused by API Gateway."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look, of_method
from tenantcheck.config.values import truth

_REMEDIES = {
    "CloudFormation and SAM": (
        "RequestParameters: {method.request.header.x-tenant-id: true} and a RequestValidator with "
        "ValidateRequestParameters: true"
    ),
    "Terraform": ("aws_api_gateway_request_validator with validate_request_parameters = true"),
}


def run(description: Description) -> Judged:
    """Methods of REST APIs that call isolated functions."""
    look = Look("header-not-required", _REMEDIES)

    for method in description.mapped:
        if not method.from_request or not look.tells(method.resource, method.validated):
            continue
        given = next((value for name, value in method.parameters.items() if name == method.source), None)
        if truth(given) is not True or truth(method.validated) is not True:
            says = "{method} lets requests without a tenant through to Lambda, which refuses them."
            found = of_method(method, f"RequestParameters.{method.source}", given)
            look.found(
                "weakness",
                says,
                found,
                of_method(method, "RequestValidatorId", method.validated),
                method=method.resource,
            )
    return look.judged("no method of an isolated function takes the tenant from the caller")


RULE = ConfigRule(
    id="header-not-required",
    summary="a request without a tenant is refused before Lambda is asked",
    needs="methods that call isolated functions",
    run=run,
    help=(
        "The parameter is not required, or no validator enforces it: RequestParameters alone do nothing. "
        "Lambda still answers 400, so no tenant is mixed with another; but a default that is added later "
        "would be."
    ),
)
