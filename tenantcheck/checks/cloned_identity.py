"""`cloned-identity`: one process id and count came twice, so the id does not name one environment."""

from __future__ import annotations

from tenantcheck.checks.check import Check, Judged, asked_for, finding
from tenantcheck.environments import Environments
from tenantcheck.model import Plan


def run(environments: Environments, plan: Plan) -> Judged:
    """The same (process id, count) in two answers. Without nonces it could also be a cached answer: open."""
    findings = [
        finding(
            environments,
            "cloned-identity",
            "weakness" if clone.own_nonces else "open",
            exhibits=(clone.earlier, clone.later) if clone.earlier is not None else (clone.later,),
            fields=("execution_environment_id", "invocation_count"),
            tenants=(*(asked_for(clone.earlier) if clone.earlier else ()), *asked_for(clone.later)),
            environment=clone.later.witness.execution_environment_id if clone.later.witness else None,
        )
        for clone in environments.processes.clones.items
    ]
    return Judged(
        findings,
        environments.processes.counted,
        total=environments.processes.clones.total,
        unexercised="no answer carried both executionEnvironmentId and invocationCount",
    )


CHECK = Check(
    id="cloned-identity",
    summary="every process id named one process",
    needs="executionEnvironmentId and invocationCount in the answers",
    run=run,
    help=(
        "Two answers carry the same executionEnvironmentId and the same count: the id was made before a "
        "snapshot or at build time, or one environment served several requests at once. Make the id at module "
        "load (or after restore). Until then nothing is concluded from this field alone."
    ),
)
