"""`missing-tenant-accepted`: a request without any tenant was served."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.boundary import asked, boundary_judged
from tenantcheck.judge.checks.check import RunCheck, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model.boundary import MISSING, NOT_ISOLATED


def run(environments: Environments) -> Judged:
    """Requests without a tenant; for `invoke` its opening call is one too."""
    plan = environments.plan
    requests = asked(environments, MISSING)
    opening = asked(environments, NOT_ISOLATED, tenantless=True)
    accepted = (*opening.accepted, *requests.accepted)
    says = "A request without a tenant and without credentials was served."
    findings = [finding(environments, MISSING, "breach", says=says, exhibits=(o,)) for o in accepted]
    return boundary_judged(plan, MISSING, findings, requests, accepted)


CHECK = RunCheck(
    id=MISSING,
    summary="a request without a tenant was refused",
    needs="tenants without credentials of their own, and an id that travels in a header, a query or Invoke",
    run=run,
    help=(
        "A request that names no tenant and carries no credentials was served: something gives it a default "
        "tenant, or the function has no isolation. Make the tenant a required parameter with a request "
        "validator, and map no default."
    ),
)
