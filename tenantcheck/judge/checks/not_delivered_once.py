"""`not-delivered-once`: more invocations than requests in ordered waves, for ids that nobody else knows."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import NOT_WHOLE, RunCheck, finding
from tenantcheck.judge.environments import Environments


def run(environments: Environments) -> Judged:
    """Counts that go up by more than the requests that were sent between two answers, lost ones included.

    Only for ids made for the run: others may have callers of their own (`unseen-caller`).
    """
    plan = environments.plan
    if not environments.whole:
        return NOT_WHOLE
    people = plan.everyone()
    fresh = any(person.fresh for person in plan.tenants)
    unsent = [each for each in environments.continuity.unsent.items if people[each.tenant].fresh]
    findings = [
        finding(
            environments,
            "not-delivered-once",
            "open",
            says=(
                "An environment of {tenants} counted {more} invocations more than an ordered wave sent: requests "
                "were sent again, or copied, on their way."
            ),
            exhibits=(each.earlier, each.later),
            fields=("invocation_count",),
            tenants=(each.tenant,),
            details={"more": each.counted},
        )
        for each in unsent
    ]
    return Judged(
        findings,
        environments.continuity.followed if fresh else 0,
        not_applicable="" if fresh else "the tenants have callers of their own",
        unexercised="no process answered twice in an ordered wave with a count",
    )


CHECK = RunCheck(
    id="not-delivered-once",
    summary="every request in ordered waves reached the handler once",
    needs="ids made for the run, executionEnvironmentId and invocationCount in the answers",
    run=run,
    help=(
        "A process counted more invocations than were sent, for an id that nobody else knows: something in front "
        "sends requests again or copies them (a retrying proxy, a mesh, hedging, a mirror). The evidence assumes "
        "that each request is delivered once: a front that tries until it meets the right environment would make a "
        "shared pool look isolated. Test behind that front, or by Invoke; or switch its retries off for the test."
    ),
)
