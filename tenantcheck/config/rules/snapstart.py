"""`snapstart`: an isolated function uses SnapStart."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look, of_function
from tenantcheck.config.values import text_of

_REMEDIES = {
    "CloudFormation, SAM and Terraform": ("take SnapStart out"),
}


def run(description: Description) -> Judged:
    """Isolated functions and their SnapStart setting."""
    look = Look("snapstart", _REMEDIES)
    for function in description.isolated:
        if look.tells(function.resource, function.snap_start) and text_of(function.snap_start) not in (None, "None"):
            says = "{function} is isolated and uses SnapStart: Lambda does not support both."
            look.found(
                "open",
                says,
                of_function(function, "SnapStart.ApplyOn", function.snap_start),
                function=function.resource,
            )
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="snapstart",
    summary="no isolated function uses SnapStart",
    needs="isolated functions",
    run=run,
    help=("AWS does not support SnapStart beside tenant isolation: the deployment is refused."),
)
