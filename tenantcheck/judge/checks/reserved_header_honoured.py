"""`reserved-header-honoured`: the client's own X-Amz-Tenant-Id chose the tenant."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.boundary import asked, boundary_judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model.boundary import RESERVED


def run(environments: Environments) -> Judged:
    """Requests for one tenant that carry another one's id in Lambda's own header."""
    plan = environments.plan
    requests = asked(environments, RESERVED)
    findings = [
        finding(environments, RESERVED, "breach", says=_SERVED, exhibits=(o,), tenants=(*asked_for(o), served))
        for o, served in requests.served
        if plan.everyone()[served].id == o.request.sent.reserved
    ]
    return boundary_judged(plan, RESERVED, findings, requests, requests.served)


_SERVED = "A request for {first} with {second} in the header X-Amz-Tenant-Id was served as {second}."

CHECK = RunCheck(
    id=RESERVED,
    summary="the client's own X-Amz-Tenant-Id was ignored",
    needs="an HTTP endpoint whose tenant does not travel in that header",
    run=run,
    help=(
        "A request for one tenant, with another tenant's id in the header X-Amz-Tenant-Id, was served as the "
        "other: the client chooses the tenant that Lambda sees. Map X-Amz-Tenant-Id from a source of your own "
        "and drop the client's header."
    ),
)
