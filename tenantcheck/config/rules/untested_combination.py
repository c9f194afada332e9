"""`untested-combination`: a setting of which nobody says how it goes with isolation."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look

_REMEDIES = {
    "All": ("prove it with a run: tenantcheck invoke FUNCTION"),
}


def run(description: Description) -> Judged:
    """Isolated functions with settings of 2026."""
    look = Look("untested-combination", _REMEDIES)
    for function in description.isolated:
        look.tells(function.resource)
        for each in function.untested:
            says = "{function} is isolated and has {setting}: how the two go together is not documented."
            look.found("open", says, each, function=function.resource, setting=each.property)
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="untested-combination",
    summary="no isolated function has a setting whose effect on isolation is not known",
    needs="isolated functions",
    run=run,
    help=(
        "Nothing is documented about capacity providers, durable functions or accelerators beside tenant "
        "isolation. Test it: tenantcheck invoke."
    ),
)
