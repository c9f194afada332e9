"""`foreign-tenant-accepted`: one tenant's credentials, served as another tenant."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.boundary import asked, boundary_judged
from tenantcheck.judge.checks.check import RunCheck, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model.boundary import FOREIGN


def run(environments: Environments) -> Judged:
    """Credentials of one tenant with the id of another. Where an authorizer supplies the tenant, the id is
    ignored and the request is served as the owner of the credentials: correct."""
    plan = environments.plan
    requests = asked(environments, FOREIGN)
    findings = [
        finding(environments, FOREIGN, "breach", says=_SERVED, exhibits=(o,), tenants=(owner, served))
        for o, served in requests.served
        if (owner := o.request.sent.credential) is not None and served != owner
    ]
    return boundary_judged(plan, FOREIGN, findings, requests, requests.served)


_SERVED = "A request with the credentials of {first} was served as {second}."

CHECK = RunCheck(
    id=FOREIGN,
    summary="no tenant's credentials were served as another tenant",
    needs="credentials per tenant, and an id that is sent beside them",
    run=run,
    help=(
        "A request with one tenant's credentials and another tenant's id was served as the other tenant: the id is "
        "believed, whoever sends it. Bind the id to the credentials; AWS's recommended form is "
        "context.authorizer.tenantId, supplied by a Lambda authorizer."
    ),
)
