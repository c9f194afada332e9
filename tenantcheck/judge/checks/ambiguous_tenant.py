"""`ambiguous-tenant`: two tenant headers, silently served as one of them."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.boundary import asked, boundary_judged
from tenantcheck.judge.checks.check import RunCheck, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model import Observation, Plan, Sent
from tenantcheck.model.boundary import AMBIGUOUS, names_in


def run(environments: Environments) -> Judged:
    """Requests that carry two ids: the tenant's header twice, or other names of the tenant beside the true one.

    Served as the tenant they belong to is right with credentials, and where other names are ignored; as the other one
    it is a breach of the credentials, where there are some.
    """
    plan = environments.plan
    requests = asked(environments, AMBIGUOUS)
    findings = [
        finding(
            environments,
            AMBIGUOUS,
            "breach" if _has_credentials(plan, o) else "weakness",
            says=_ELSEWHERE if o.request.sent.elsewhere else _TWO_IDS,
            exhibits=(o,),
            tenants=(served,),
            details={
                "which": "first" if served == o.request.tenant else "second",
                "under": _under(plan, o.request.sent),
            },
        )
        for o, served in requests.served
        if served != o.request.tenant or not (o.request.sent.elsewhere or _has_credentials(plan, o))
    ]
    return boundary_judged(plan, AMBIGUOUS, findings, requests, requests.served)


_ELSEWHERE = "A request that names {tenants} too, elsewhere ({under}), was served as that one."
_TWO_IDS = "A request with two tenant ids was served as the {which} of them, {tenants}."


def _under(plan: Plan, sent: Sent) -> str:
    return "" if sent.elsewhere is None else ", ".join(names_in(plan.aliases, sent.elsewhere_in))


def _has_credentials(plan: Plan, observation: Observation) -> bool:
    tenant = observation.request.tenant
    return tenant is not None and bool(plan.everyone()[tenant].credential_names)


CHECK = RunCheck(
    id=AMBIGUOUS,
    summary="a request with two tenant ids was refused",
    needs="an HTTP endpoint",
    run=run,
    help=(
        "A request with two tenant ids was served as one of them: the tenant's header came twice, or another "
        "name of the tenant (a list that --alias adds to) outweighed it. Where another part (a proxy, an "
        "authorizer, a log) reads the other id, they disagree about whose request it is. Refuse repeated headers, "
        "read the tenant from one place, or take it from the authorizer. Served against the credentials: a breach."
    ),
)
