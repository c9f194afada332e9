"""`missing-tenant-accepted`: a request without any tenant was served."""

from __future__ import annotations

from tenantcheck.checks.boundary import accepted_requests, boundary_judged
from tenantcheck.checks.check import Check, Judged, finding
from tenantcheck.environments import Environments
from tenantcheck.model import Plan
from tenantcheck.model.boundary import MISSING


def run(environments: Environments, plan: Plan) -> Judged:
    """Requests without a tenant; for `invoke` that is its opening call."""
    purpose = MISSING if plan.kind == "probe" else "not-isolated"
    calls = [o for o in environments.purposes.get(purpose, ()) if o.request.tenant is None and not o.request.claimed]
    accepted, decided = accepted_requests(calls)
    findings = [finding(environments, MISSING, "breach", exhibits=(o,)) for o in accepted]
    return boundary_judged(plan, MISSING, findings, decided)


CHECK = Check(
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
