"""`authorizer-cache-identity`: an authorizer's cached answer is used for another tenant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tenantcheck.checking import Judged
from tenantcheck.config.description import Authorizer, Description, Found, Method
from tenantcheck.config.rules.rule import MAPPING, ConfigRule, Look, of_method
from tenantcheck.config.values import Value, text_of

_REMEDIES = {
    "CloudFormation and SAM": ("AuthorizerResultTtlInSeconds: 0"),
    "Terraform": ("authorizer_result_ttl_in_seconds = 0"),
    "CLI": (
        "aws apigateway update-authorizer --patch-operations op=replace,path=/authorizerResultTtlInSeconds,value=0"
    ),
}


def run(description: Description) -> Judged:
    """Methods with an authorizer whose result is cached."""
    look = Look("authorizer-cache-identity", _REMEDIES)
    for method in description.mapped:
        authorizer = method.authorizer
        if authorizer is None or (text_of(authorizer.kind) or "").upper() in ("TOKEN", "COGNITO_USER_POOLS"):
            continue  # these see the token only, which is all of their identity source
        if not look.tells(method.resource, authorizer.kind, authorizer.seconds, *authorizer.sources):
            continue
        if text_of(authorizer.seconds) in ("0", "0.0"):
            continue
        known = {(text_of(source) or "").lower() for source in authorizer.sources}
        for place in _places(method):
            if place.lower() in known:
                continue
            says = (
                "{authorizer} is cached without {place}: a tenant that it allowed is allowed for the next one, too."
            )
            look.found(
                "breach" if place == method.source else "weakness",
                says,
                Found(authorizer.resource, "IdentitySource", authorizer.place, _first(authorizer)),
                of_method(method, MAPPING, method.mapping),
                authorizer=authorizer.resource,
                place=place,
            )
    return look.judged("no method of an isolated function has an authorizer that sees the whole request")


def _first(authorizer: Authorizer) -> Value | None:
    return authorizer.sources[0] if authorizer.sources else None


def _places(method: Method) -> Iterator[str]:
    """Where a request says who the tenant is."""
    if method.from_client:
        yield method.source or ""
    for name in re.findall(r"\{([^{}/+]+)\+?\}", method.path or ""):
        place = f"method.request.path.{name}"
        if "tenant" in name.lower() and place != method.source:
            yield place
    for name in method.parameters:
        if "tenant" in name.lower() and name != method.source and ".path." not in name:
            yield name


RULE = ConfigRule(
    id="authorizer-cache-identity",
    summary="what an authorizer allowed is not reused for another tenant",
    needs="methods of isolated functions with a Lambda authorizer",
    run=run,
    help=(
        "API Gateway keeps an authorizer's result under its identity source, 300 s by default. Where the "
        "tenant comes from something else, the result for one tenant is used for another. Put all that the "
        "tenant depends on into IdentitySource (type REQUEST), or set AuthorizerResultTtlInSeconds: 0."
    ),
)
