"""`reserved-header-honoured`: the client's own X-Amz-Tenant-Id chose the tenant."""

from __future__ import annotations

from tenantcheck.checks.boundary import boundary_judged, served_as, was_refused
from tenantcheck.checks.check import Check, Judged, finding
from tenantcheck.environments import Environments
from tenantcheck.model import Finding, Plan
from tenantcheck.model.boundary import RESERVED


def run(environments: Environments, plan: Plan) -> Judged:
    """Requests for one tenant that carry another one's id in Lambda's own header."""
    findings: list[Finding] = []
    decided = 0
    for observation in environments.purposes.get(RESERVED, ()):
        asked, served = observation.request.tenant, served_as(environments, observation)
        decided += served is not None or was_refused(observation)
        if asked is not None and served is not None and plan.everyone()[served].id == observation.request.claimed:
            findings.append(
                finding(environments, RESERVED, "breach", exhibits=(observation,), tenants=(asked, served))
            )
    return boundary_judged(plan, RESERVED, findings, decided)


CHECK = Check(
    id=RESERVED,
    summary="the client's own X-Amz-Tenant-Id was ignored",
    needs="tenants without credentials of their own, and an id that travels in another header",
    run=run,
    help=(
        "A request for one tenant, with another tenant's id in the header X-Amz-Tenant-Id, was served as the "
        "other: the client chooses the tenant that Lambda sees. Map X-Amz-Tenant-Id from a source of your own "
        "and drop the client's header."
    ),
)
