"""`environment-ceiling`: there are more tenants than environments."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look, of_function
from tenantcheck.config.values import text_of

_REMEDIES = {
    "CloudFormation and SAM": ("ReservedConcurrentExecutions: tenants / 2.5, at least"),
    "Terraform": ("reserved_concurrent_executions"),
}


#: Tenant environments, busy or idle, for each 1,000 concurrent executions of a function. Source: Lambda guide.
_PER_EXECUTION = 2.5


def run(description: Description) -> Judged:
    """Reserved concurrency of isolated functions, against the number of tenants."""
    look = Look("environment-ceiling", _REMEDIES)
    if description.tenants is None:
        return look.judged("the number of tenants is not known: name it with --tenant-count")
    for function in description.isolated:
        if function.reserved is None or not look.tells(function.resource, function.reserved):
            continue
        text = text_of(function.reserved) or ""
        ceiling = int(int(text) * _PER_EXECUTION) if text.isdecimal() and len(text) < 9 else 0
        if ceiling < description.tenants:
            says = "{function} may have {ceiling} environments; {wanted} tenants need one each at least."
            found = of_function(function, "ReservedConcurrentExecutions", function.reserved)
            look.found(
                "weakness", says, found, function=function.resource, ceiling=ceiling, wanted=description.tenants
            )
    return look.judged("no isolated function reserves concurrency")


RULE = ConfigRule(
    id="environment-ceiling",
    summary="there are environments for all tenants",
    needs="--tenant-count, and reserved concurrency of isolated functions",
    run=run,
    help=(
        "Lambda allows 2,500 tenant environments, busy or idle, for each 1,000 concurrent executions that a "
        "function may have; beyond that it answers 429. Reserve more, or spread tenants over functions."
    ),
)
