"""`ambiguous-tenant`: two tenant headers, silently served as one of them."""

from __future__ import annotations

from tenantcheck.checks.boundary import boundary_judged, served_requests
from tenantcheck.checks.check import Check, Judged, finding
from tenantcheck.environments import Environments
from tenantcheck.model import Observation, Plan
from tenantcheck.model.boundary import AMBIGUOUS


def run(environments: Environments, plan: Plan) -> Judged:
    """Requests that carry the tenant's header twice, with two ids. With credentials, served as the tenant they belong
    to is right; as the other one a breach."""
    requests, decided = served_requests(environments, AMBIGUOUS)
    findings = [
        finding(
            environments,
            AMBIGUOUS,
            "breach" if _has_credentials(plan, o) else "weakness",
            exhibits=(o,),
            tenants=(served,),
            details={"which": "first" if served == o.request.tenant else "second"},
        )
        for o, served in requests
        if served != o.request.tenant or not _has_credentials(plan, o)
    ]
    return boundary_judged(plan, AMBIGUOUS, findings, decided)


def _has_credentials(plan: Plan, observation: Observation) -> bool:
    tenant = observation.request.tenant
    return tenant is not None and bool(plan.everyone()[tenant].credential_names)


CHECK = Check(
    id=AMBIGUOUS,
    summary="a request with two tenant ids was refused",
    needs="an id that travels in a header",
    run=run,
    help=(
        "A request with two tenant headers was served as one of them. Where another part (a proxy, an "
        "authorizer, a log) reads the other one, they disagree about whose request it is. Refuse repeated "
        "headers, or take the tenant from the authorizer. Served against the credentials: a breach."
    ),
)
