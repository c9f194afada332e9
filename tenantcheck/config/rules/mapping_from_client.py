"""`mapping-from-client`: any caller chooses the tenant."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import MAPPING, MAPPING_REMEDIES, ConfigRule, Look, of_method
from tenantcheck.config.values import text_of


def run(description: Description) -> Judged:
    """Methods of REST APIs that call isolated functions."""
    look = Look("mapping-from-client", MAPPING_REMEDIES)

    for method in description.mapped:
        if not method.from_client or not look.tells(method.resource, method.authorization):
            continue

        if method.authorizer is None and text_of(method.authorization) in (None, "NONE"):
            says = "{method} takes the tenant from the caller and has no authorizer: any caller may be any tenant."
            look.found(
                "breach",
                says,
                of_method(method, MAPPING, method.mapping),
                of_method(method, "AuthorizationType", method.authorization),
                method=method.resource,
            )
    return look.judged("no method of an isolated function takes the tenant from the caller")


RULE = ConfigRule(
    id="mapping-from-client",
    summary="no caller chooses the tenant unasked",
    needs="methods that call isolated functions",
    run=run,
    help=(
        "Whoever can reach the API reads and writes as any tenant. AWS's own sample has this mapping: it "
        "shows the feature, not a product. Let an authorizer say who the tenant is and map "
        "context.authorizer.tenantId; where something in front of a private API sets the header, accept this "
        "with a reason."
    ),
)
