"""`mapping-beside-authorizer`: the caller chooses the tenant beside an authorizer that knows it."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description, Method
from tenantcheck.config.rules.rule import MAPPING, MAPPING_REMEDIES, ConfigRule, Look, of_method
from tenantcheck.config.values import text_of


def run(description: Description) -> Judged:
    """Methods of REST APIs that call isolated functions."""
    look = Look("mapping-beside-authorizer", MAPPING_REMEDIES)

    for method in description.mapped:
        if not method.from_client or not look.tells(method.resource, method.authorization):
            continue
        kind = text_of(method.authorization)
        if method.authorizer is None and kind in (None, "NONE"):
            continue
        asked = method.authorizer.kind if method.authorizer is not None and kind in (None, "CUSTOM") else None
        if not look.tells(method.resource, asked):
            continue
        found = of_method(method, MAPPING, method.mapping)
        if _may_compare(method):
            says = (
                "{method} takes the tenant from the caller; only the code of its authorizer can refuse a foreign one."
            )
            look.found("weakness", says, found, method=method.resource)
        else:
            says = (
                "{method} takes the tenant from the caller, and its authorizer does not see it: any "
                "user may be any tenant."
            )
            look.found("breach", says, found, method=method.resource)
    return look.judged("no method of an isolated function takes the tenant from the caller")


def _may_compare(method: Method) -> bool:
    """Whether the authorizer is given the whole request, and could hold the tenant against the credentials."""
    return method.authorizer is not None and (text_of(method.authorizer.kind) or "").upper() == "REQUEST"


RULE = ConfigRule(
    id="mapping-beside-authorizer",
    summary="the tenant is the one that the authorizer knows",
    needs="methods that call isolated functions",
    run=run,
    help=(
        "An authenticated caller of one tenant names another one in the parameter. Map "
        "context.authorizer.tenantId, which the authorizer returns, instead of a parameter of the request."
    ),
)
