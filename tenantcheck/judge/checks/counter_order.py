"""`counter-order`: counts of one process contradict real time."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments


def run(environments: Environments) -> Judged:
    """A higher count was returned before a lower one was called for."""
    findings = [
        finding(
            environments,
            "counter-order",
            "weakness",
            says="Process id {environment} counted backwards in real time: it does not name one process.",
            exhibits=(disorder.earlier, disorder.later) if disorder.earlier is not None else (disorder.later,),
            fields=("execution_environment_id", "invocation_count"),
            tenants=(*(asked_for(disorder.earlier) if disorder.earlier else ()), *asked_for(disorder.later)),
            environment=disorder.later.witness.execution_environment_id if disorder.later.witness else None,
        )
        for disorder in environments.processes.disorders.items
    ]
    return Judged(
        findings,
        environments.processes.counted,
        total=environments.processes.disorders.total,
        unexercised="no answer carried both executionEnvironmentId and invocationCount",
    )


CHECK = RunCheck(
    id="counter-order",
    summary="every process counted upwards in real time",
    needs="executionEnvironmentId and invocationCount in the answers",
    run=run,
    help=(
        "A process answered with a count, and a request sent after that answer came back with a lower one. "
        "One process can't do that: several share the id, or the counter is not kept in memory. Nothing is "
        "concluded from this field alone."
    ),
)
