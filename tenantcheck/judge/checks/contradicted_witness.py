"""`contradicted-witness`: answers say of their environment what the logs contradict."""

from __future__ import annotations

from collections.abc import Iterator

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model import WITNESS_NAMES, Finding


def run(environments: Environments) -> Judged:
    """One finding for each kind of contradiction, with its first case."""
    claims = environments.claims
    return Judged(
        list(_findings(environments)),
        claims.compared + claims.repeated.total,
        not_applicable=""
        if environments.plan.witness_from == "logs"
        else "environments were read in the answers alone",
        unexercised="no answer said anything of its environment, so there is nothing to hold against the logs",
    )


def _findings(environments: Environments) -> Iterator[Finding]:
    claims = environments.claims
    for kept, name, says in ((claims.streams, "log_stream_name", _STREAM), (claims.tenants, "tenant_id", _TENANT)):
        if kept.total:
            first = kept.items[0]
            yield finding(
                environments,
                "contradicted-witness",
                "weakness",
                says=says,
                exhibits=(first,),
                fields=(name,),
                tenants=asked_for(first),
                details={
                    "claimed": str(getattr(first.claimed, name)),
                    "logged": str(getattr(first.witness, name)),
                    "answers": kept.total,
                },
            )
    if claims.moved.total:
        name, earlier, later = claims.moved.items[0]
        yield finding(
            environments,
            "contradicted-witness",
            "weakness",
            says=(
                "Answers name one environment by {field} and ran in two log streams, first for {tenants}. {ids} "
                "such ids."
            ),
            exhibits=(earlier, later),
            tenants=tuple(dict.fromkeys((*asked_for(earlier), *asked_for(later)))),
            fields=(name,),
            details={"field": WITNESS_NAMES[name], "ids": claims.moved.total},
        )
    mixed = environments.identities.contradictions.get("log_stream_name")
    if mixed is not None and environments.plan.witness_from == "logs":
        yield finding(
            environments,
            "contradicted-witness",
            "weakness",
            says="Two processes answer by turns in one log stream ({environment}), each with a counter of its own.",
            exhibits=(mixed.earlier, mixed.later),
            tenants=tuple(dict.fromkeys((*asked_for(mixed.earlier), *asked_for(mixed.later)))),
            fields=("execution_environment_id", "invocation_count"),
            environment=mixed.later.witness.log_stream_name if mixed.later.witness is not None else None,
        )
    if claims.repeated.total:
        first = claims.repeated.items[0]
        yield finding(
            environments,
            "contradicted-witness",
            "open",
            says=(
                "{requests} requests ran in more than one environment, first one for {tenants}: something sent "
                "them again."
            ),
            exhibits=(first,),
            tenants=asked_for(first),
            details={"requests": claims.repeated.total},
        )


_STREAM = "{answers} answers name another log stream than the one they ran in, first for {tenants}."
_TENANT = "{answers} answers name another tenant than the platform ran them for, first '{claimed}' for '{logged}'."


CHECK = RunCheck(
    id="contradicted-witness",
    summary="what answers say of their environment agrees with the logs",
    needs="--witness-from logs, and a witness in the answers, too",
    run=run,
    help=(
        "The platform writes one log stream for each environment and names the tenant; the answers say otherwise. A "
        "handler that makes its ids up (one per tenant, one per image) looks like this, and so does an answer "
        "out of a "
        "cache. The verdict stands on the logs; do not trust a run that reads the answers alone. Requests that "
        "ran more "
        "than once were sent again on the way: such a front can make a shared pool look isolated."
    ),
)
