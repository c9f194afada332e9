"""`control-not-caught`: a function that is known not to isolate looked isolated, or could not be told."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck
from tenantcheck.judge.environments import Environments
from tenantcheck.model import WITNESS_NAMES, Finding


def run(environments: Environments) -> Judged:
    """Whether the control was caught by the identity that the evidence stands on."""
    control, name = environments.control, environments.identities.for_evidence()
    field = None if name is None else WITNESS_NAMES[name]
    if control is None:
        return Judged((), 0, not_applicable="no control was asked (--control)")
    caught = [WITNESS_NAMES[name] for name in control.caught_by]
    if field is None or field in caught:
        return Judged((), len(caught), unexercised="the evidence stands on no identity")
    return Judged(
        [
            Finding(
                check="control-not-caught",
                severity="open",
                says=_BY_ANOTHER if caught else _NOT_AT_ALL,
                details={
                    "target": control.target,
                    "requests": control.requests,
                    "ended": control.detail or control.ended,
                    "by": ", ".join(caught),
                    "field": field,
                },
            )
        ],
        1,
    )


_NOT_AT_ALL = (
    "The control {target} does not isolate and was caught not at all ({ended}), in {requests} requests; the evidence "
    "stands on {field}."
)
_BY_ANOTHER = (
    "The control {target} does not isolate and was caught by {by} alone, in {requests} requests; the evidence stands "
    "on {field}."
)

CHECK = RunCheck(
    id="control-not-caught",
    summary="a function without isolation was caught by the same witness",
    needs="--control: a twin of the function without isolation, of the same package, behind the same front",
    run=run,
    help=(
        "The control, which does not isolate, was not caught by the identity that the evidence stands on: this "
        "witness or this route can't show sharing, so a clean run shows nothing. Look at how the handler makes its "
        "ids, and whether something in front sends refused requests again."
    ),
)
