"""`mapping-literal`: a method names the same tenant for every request."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import MAPPING, MAPPING_REMEDIES, NO_METHOD, ConfigRule, Look, of_method

#: What tells callers apart, by where it comes from.
_CALLER = (
    "method.request.",
    "context.authorizer.",
    "context.identity.accountId",
    "context.identity.apiKey",
    "context.identity.caller",
    "context.identity.clientCert.",
    "context.identity.cognitoAuthenticationProvider",
    "context.identity.cognitoIdentityId",
    "context.identity.principalOrgId",
    "context.identity.user",
)
#: Claims that say who issued a token, and for what: the same for every user of one pool.
_ISSUER = (".claims.iss", ".claims.aud", ".claims.client_id", ".claims.token_use", ".claims.azp")
#: What API Gateway knows of a request that is the same for every caller.
_CONSTANT = frozenset(
    f"context.{name}"
    for name in (
        *("accountId", "apiId", "deploymentId", "httpMethod", "protocol", "resourceId", "resourcePath", "stage"),
        *("wafResponseCode", "webaclArn", "identity.cognitoIdentityPoolId"),
    )
)


def run(description: Description) -> Judged:
    """Methods of REST APIs that call isolated functions."""
    look = Look("mapping-literal", MAPPING_REMEDIES)
    for method in description.mapped:
        if method.mapping is None or not look.tells(method.resource, method.mapping):
            continue
        source = method.source or ""
        if (source.startswith(_CALLER) and not source.endswith(_ISSUER)) or method.from_client:
            continue
        found = of_method(method, MAPPING, method.mapping)
        if source.startswith("context.") and source not in _CONSTANT:
            says = "{method} takes the tenant from {source}: whether that tells tenants apart is not known."
            look.found("open", says, found, method=method.resource, source=source[:200])
        else:
            says = "{method} names one tenant for all requests: every tenant shares its environments."
            look.found("breach", says, found, method=method.resource)
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
