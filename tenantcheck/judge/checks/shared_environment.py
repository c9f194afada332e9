"""`shared-environment`: one environment served more than one tenant."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import KEPT, Environments
from tenantcheck.model import IDENTITIES, Finding, Observation, Plan


def run(environments: Environments) -> Judged:
    """Every pair of neighbouring answers of one environment that belong to two tenants, and what handlers hide of
    such meetings: counts that went on elsewhere, new environments while an own one lay idle.

    Where look-alikes met the tenant they look like, or each other, that is `lookalike-collapse`.
    """
    plan = environments.plan
    findings: list[Finding] = []
    named: set[tuple[int, int]] = set()
    for environment, earlier, later in environments.places.shared():
        pair = (earlier.request.seq, later.request.seq)
        if pair in named or _lookalikes(plan, earlier, later) or _apart(plan, earlier, later):
            continue
        named.add(pair)
        if len(findings) < KEPT:
            findings.append(
                finding(
                    environments,
                    "shared-environment",
                    "breach",
                    says="Environment {environment} served {tenants} (by {fields}).",
                    exhibits=(earlier, later),
                    fields=shared_fields(earlier, later),
                    tenants=(*asked_for(earlier), *asked_for(later)),
                    environment=environment.id,
                )
            )
    # Both stand on what is not there: it may be missing from the history alone.
    hidden = [*_filled_gaps(environments), *_hidden_meetings(environments)] if environments.whole else []
    return Judged(
        [*findings, *hidden],
        environments.could_share,
        total=len(named) + len(hidden),
        unexercised="no answer named its environment after another tenant's request had ended",
    )


def _lookalikes(plan: Plan, earlier: Observation, later: Observation) -> bool:
    """Whether two answers are those of an id and its look-alike, which another check finds."""
    one, other = earlier.request.tenant, later.request.tenant
    if one is None or other is None or "lookalike-collapse" not in plan.checks:
        return False
    return one != other and family(plan, one) == family(plan, other)


def _apart(plan: Plan, earlier: Observation, later: Observation) -> bool:
    """Whether the platform's logs say that two answers with one id came from two environments: the id is made up,
    which another check finds."""
    if plan.witness_from != "logs" or earlier.witness is None or later.witness is None:
        return False
    streams = {earlier.witness.log_stream_name, later.witness.log_stream_name}
    return len(streams) == 2 and None not in streams


def family(plan: Plan, index: int) -> int:
    """The tenant that an id looks like, itself or by way of other look-alikes; else the id itself."""
    people = plan.everyone()
    sibling = people[index].sibling
    while sibling is not None and sibling < index:  # a sibling that is no tenant comes before its look-alikes
        index, sibling = sibling, people[sibling].sibling
    return index


def _filled_gaps(environments: Environments) -> list[Finding]:
    """Processes whose missing counts are just those that other tenants' processes showed meanwhile: they are one."""
    found = [
        (filled, filled.between)
        for filled in environments.continuity.filled.values()
        if filled.filled >= _MOST_BY_CHANCE and not filled.unfilled and filled.between is not None
    ]
    return [
        finding(
            environments,
            "shared-environment",
            "breach",
            says=(
                "{tenants} share one counter: {filled} counts that the one did not show are those that the other "
                "showed meanwhile, and none is missing."
            ),
            exhibits=(between[0], between[1]),
            fields=("invocation_count",),
            tenants=(*asked_for(between[0]), *asked_for(between[1])),
            details={"filled": filled.filled},
        )
        for filled, between in found[:KEPT]
    ]


def _hidden_meetings(environments: Environments) -> list[Finding]:
    """New environments for a tenant whose own lay idle."""
    meetings = environments.meetings
    return [
        finding(
            environments,
            "shared-environment",
            "weakness",
            says=(
                "{tenants} met a new environment {hidden} times while one of its own lay idle: a handler that makes "
                "an id per tenant and environment looks like this."
            ),
            exhibits=meetings.first[tenant],
            tenants=(tenant,),
            details={"hidden": count},
        )
        for tenant, count in meetings.counts.items()
        if count >= _MEETINGS
    ]


#: Counts that have to be filled before they are no accident.
_MOST_BY_CHANCE = 5
#: Meetings of one tenant that have to be hidden before they are worth a word.
_MEETINGS = 3


def shared_fields(earlier: Observation, later: Observation) -> list[str]:
    """The identities that two answers have in common."""
    return [
        name
        for name in IDENTITIES
        if earlier.witness is not None
        and later.witness is not None
        and getattr(earlier.witness, name) is not None
        and getattr(earlier.witness, name) == getattr(later.witness, name)
    ]


CHECK = RunCheck(
    required=True,
    id="shared-environment",
    summary="no environment served more than one tenant",
    needs="an identity in the answers: executionEnvironmentId, sandboxId or logStreamName",
    run=run,
    help=(
        "One execution environment answered requests of two tenants, so memory and scratch directory of one "
        "were within reach of the other. Check that the function was created with TenancyConfig PER_TENANT "
        "(it can't be added later: create the function anew) and that the tenant id reaches Invoke. Where one "
        "identity alone shows it, that id may be a constant, or made per container image."
    ),
)
