"""`unseen-caller`: somebody else used an environment of this run."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import NOT_WHOLE, RunCheck, asked_for, finding
from tenantcheck.judge.environments import KEPT, Environments, Process
from tenantcheck.model import Finding


def run(environments: Environments) -> Judged:
    """Counts that this run's requests don't explain, lost ones included.

    A breach only by Invoke, for a tenant id made for this run, when a count exceeds what a systematic start and step
    explain for all requests sent for it: then somebody asked for an id that nobody else knows.
    """
    plan = environments.plan
    if not environments.whole:
        return NOT_WHOLE
    people = plan.everyone()
    findings: list[Finding] = []
    allowed = 0
    if plan.kind == "invoke":
        for process, high in environments.processes.overcounts():
            tenant = asked_for(high.observation)
            if people[tenant[0]].fresh:
                findings.append(
                    finding(
                        environments,
                        "unseen-caller",
                        "breach",
                        says=(
                            "An environment of {tenants} counted more invocations than the {sent} requests ever "
                            "sent for this id, which nobody else knows."
                        ),
                        exhibits=(high.observation,),
                        fields=("execution_environment_id", "invocation_count"),
                        tenants=tenant,
                        environment=process.id,
                        details={"sent": high.sent},
                    )
                )
    if not findings:
        findings, allowed = _unexplained(environments)
        findings += _systematic(environments)
    return Judged(
        findings[:KEPT],
        environments.processes.counted,
        total=len(findings),
        unexercised="no answer carried both executionEnvironmentId and invocationCount",
        undecided=(
            f"up to {allowed} unexplained count{'' if allowed == 1 else 's'}: as many requests brought none back"
            if allowed
            else ""
        ),
    )


def _systematic(environments: Environments) -> list[Finding]:
    """A counter that starts late, or skips, everywhere alike: no caller, and not what a handler should do."""
    start, step = environments.processes.start, environments.processes.step
    first = next(iter(environments.processes.by_id.values()), None)
    if first is None or first.last is None or (start <= 1 and step == 1):
        return []
    return [
        finding(
            environments,
            "unseen-caller",
            "weakness",
            says="The handler's counter starts at {start} and goes up by {step}, in every environment alike.",
            exhibits=(first.last,),
            fields=("invocation_count",),
            details={"start": start, "step": step},
        )
    ]


def _unexplained(environments: Environments) -> tuple[list[Finding], int]:
    """One weakness per tenant whose environments counted more than this run can account for; and the counts that are
    missing where as many requests brought none back."""
    processes = environments.processes
    start, step = processes.start, processes.step
    unseen: dict[int, int] = {}
    widest: dict[int, tuple[int, Process]] = {}
    for process in processes.by_id.values():
        gap = process.counts.unseen(start, step)
        for tenant in process.tenants:
            unseen[tenant] = unseen.get(tenant, 0) + gap
            if gap and (tenant not in widest or gap > widest[tenant][0]):
                widest[tenant] = (gap, process)
    findings = []
    for tenant, (_, process) in sorted(widest.items()):
        if unseen[tenant] <= environments.people.uncounted(tenant):
            continue
        findings.append(
            finding(
                environments,
                "unseen-caller",
                "weakness",
                says=(
                    "Environments of {tenants} counted invocations this run did not see: {unseen}. Of its own "
                    "requests, {uncounted} brought back no count."
                ),
                exhibits=(process.last,) if process.last is not None else (),
                fields=("execution_environment_id", "invocation_count"),
                tenants=(tenant,),
                environment=process.id,
                details={"unseen": unseen[tenant], "uncounted": environments.people.uncounted(tenant)},
            )
        )
    return findings, sum(gap for tenant, gap in unseen.items() if gap <= environments.people.uncounted(tenant))


CHECK = RunCheck(
    id="unseen-caller",
    summary="nobody else used the environments of this run",
    needs="executionEnvironmentId and invocationCount in the answers",
    run=run,
    help=(
        "An environment counted invocations that this run did not send: live traffic of the same tenant, or "
        "an edge that sends requests again. With ids made for this run, sent straight to Invoke, nobody else "
        "can know them: then it is a breach. A counter that starts late or skips in every environment alike points "
        "to the handler instead: count once per invocation, in its first line."
    ),
)
