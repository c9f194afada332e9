"""`unseen-caller`: somebody else used an environment of this run."""

from __future__ import annotations

from tenantcheck.checks.check import Check, Judged, asked_for, finding
from tenantcheck.environments import Environments, Process
from tenantcheck.model import Finding, Plan


def run(environments: Environments, plan: Plan) -> Judged:
    """Counts that this run's requests don't explain, lost ones included.

    A breach only by Invoke, for a tenant id made for this run, when a count exceeds all requests sent for it:
    then somebody asked for an id that nobody else knows.
    """
    people = plan.everyone()
    findings: list[Finding] = []
    for observation in environments.processes.overcounts.items:
        tenant = asked_for(observation)
        if plan.kind == "invoke" and people[tenant[0]].fresh:
            findings.append(
                finding(
                    environments,
                    "unseen-caller",
                    "breach",
                    exhibits=(observation,),
                    fields=("execution_environment_id", "invocation_count"),
                    tenants=tenant,
                    environment=observation.witness.execution_environment_id if observation.witness else None,
                    details={"sent": environments.tenants[tenant[0]].requests},
                )
            )
    if not findings:
        findings = _unexplained(environments)
    return Judged(
        findings,
        environments.processes.counted,
        unexercised="no answer carried both executionEnvironmentId and invocationCount",
    )


def _unexplained(environments: Environments) -> list[Finding]:
    """One weakness per tenant whose environments counted more than this run can account for."""
    base = environments.processes.base()
    unseen: dict[int, int] = {}
    widest: dict[int, Process] = {}
    for process in environments.processes.by_id.values():
        gap = process.counts.unseen + process.counts.lowest - base
        for tenant in process.tenants:
            unseen[tenant] = unseen.get(tenant, 0) + gap
            if gap and (tenant not in widest or gap > _gap(widest[tenant], base)):
                widest[tenant] = process
    return [
        finding(
            environments,
            "unseen-caller",
            "weakness",
            exhibits=(process.last,) if process.last is not None else (),
            fields=("execution_environment_id", "invocation_count"),
            tenants=(tenant,),
            environment=process.id,
            details={"unseen": unseen[tenant], "uncounted": environments.uncounted(tenant)},
        )
        for tenant, process in sorted(widest.items())
        if unseen[tenant] > environments.uncounted(tenant)
    ]


def _gap(process: Process, base: int) -> int:
    return process.counts.unseen + process.counts.lowest - base


CHECK = Check(
    id="unseen-caller",
    summary="nobody else used the environments of this run",
    needs="executionEnvironmentId and invocationCount in the answers",
    run=run,
    help=(
        "An environment counted invocations that this run did not send: live traffic of the same tenant, or "
        "an edge that sends requests again. With ids made for this run, sent straight to Invoke, nobody else "
        "can know them: then it is a breach."
    ),
)
