"""`invalid-tenant-accepted`: an id that Lambda does not allow was served."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.boundary import asked, boundary_judged
from tenantcheck.judge.checks.check import RunCheck, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model.boundary import INVALID


def run(environments: Environments) -> Judged:
    """Ids outside `[a-zA-Z0-9._:/=+\\-@ ]{1,256}` that were served all the same."""
    plan = environments.plan
    requests = asked(environments, INVALID)
    findings = [
        finding(
            environments,
            INVALID,
            "breach",
            says="An id that Lambda does not allow ({length} characters) was served.",
            exhibits=(o,),
            details={"length": len("".join(o.request.sent.ids or ()))},
        )
        for o in requests.accepted
    ]
    return boundary_judged(plan, INVALID, findings, requests, requests.accepted)


CHECK = RunCheck(
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
