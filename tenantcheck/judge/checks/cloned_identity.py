"""`cloned-identity`: one process id and count came twice, so the id does not name one environment."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments


def run(environments: Environments) -> Judged:
    """The same (process id, count) in two answers (without nonces it could also be a cached answer: open), and
    identities that contradict each other."""
    findings = [
        finding(
            environments,
            "cloned-identity",
            "weakness" if clone.own_nonces else "open",
            says="Process id {environment} came twice with the same count: it does not name one process.",
            exhibits=(clone.earlier, clone.later) if clone.earlier is not None else (clone.later,),
            fields=("execution_environment_id", "invocation_count"),
            tenants=(*(asked_for(clone.earlier) if clone.earlier else ()), *asked_for(clone.later)),
            environment=clone.later.witness.execution_environment_id if clone.later.witness else None,
        )
        for clone in environments.processes.clones.items
    ]
    discredited = environments.identities.discredited
    contradictions = [each for each in environments.identities.contradictions.values() if each.name in discredited]
    findings += [
        finding(
            environments,
            "cloned-identity",
            "weakness",
            says="{fields} {environment} is contradicted by the other identities: it does not name one environment.",
            exhibits=(contradiction.earlier, contradiction.later),
            fields=(contradiction.name,),
            tenants=(*asked_for(contradiction.earlier), *asked_for(contradiction.later)),
            environment=getattr(contradiction.later.witness, contradiction.name),
            details={"contradicted": 1},
        )
        for contradiction in contradictions
    ]
    return Judged(
        findings,
        environments.processes.counted,
        total=environments.processes.clones.total + len(contradictions),
        unexercised="no answer carried both executionEnvironmentId and invocationCount",
    )


CHECK = RunCheck(
    id="cloned-identity",
    summary="every identity named one environment",
    needs="executionEnvironmentId and invocationCount in the answers",
    run=run,
    help=(
        "Two answers carry the same executionEnvironmentId and the same count: the id was made before a "
        "snapshot or at build time, or one environment served several requests at once. Make the id at module "
        "load (or after restore). Or two identities contradict each other: one process under two sandboxes or log "
        "streams, or two processes that answer by turns under one of these, each with its own counter. Until then "
        "nothing is concluded from this field alone."
    ),
)
