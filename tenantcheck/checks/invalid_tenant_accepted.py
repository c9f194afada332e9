"""`invalid-tenant-accepted`: an id that Lambda does not allow was served."""

from __future__ import annotations

from tenantcheck.checks.boundary import boundary_judged, was_refused, was_served
from tenantcheck.checks.check import Check, Judged, finding
from tenantcheck.environments import Environments
from tenantcheck.model import Plan
from tenantcheck.model.boundary import INVALID


def run(environments: Environments, plan: Plan) -> Judged:
    """Ids outside `[a-zA-Z0-9._:/=+\\-@ ]{1,256}` that were served all the same."""
    calls = environments.purposes.get(INVALID, [])
    accepted = [o for o in calls if was_served(o)]
    findings = [
        finding(environments, INVALID, "breach", exhibits=(o,), details={"length": len(o.request.claimed or "")})
        for o in accepted
    ]
    return boundary_judged(plan, INVALID, findings, len(accepted) + sum(was_refused(o) for o in calls))


CHECK = Check(
    id=INVALID,
    summary="ids that Lambda does not allow were refused",
    needs="tenants without credentials of their own, and an id that travels in a header, a query or Invoke",
    run=run,
    help=(
        "A tenant id with a character that Lambda does not allow, or longer than 256 characters, was served: it "
        "was changed on its way (truncated, cleaned, replaced), so that different ids can become one. Refuse "
        "such ids instead."
    ),
)
