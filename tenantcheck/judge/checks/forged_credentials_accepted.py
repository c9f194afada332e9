"""`forged-credentials-accepted`: credentials that nobody issued, served as somebody."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.boundary import asked, boundary_judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model.boundary import FORGED


def run(environments: Environments) -> Judged:
    """A tenant's credentials with one character changed, and the same request without any. Whoever it was served as,
    and whatever answered, the function or a cache in front of it: nobody was asked who is there."""
    plan = environments.plan
    requests = asked(environments, FORGED)
    findings = [
        finding(
            environments,
            FORGED,
            "breach",
            says=_WITHOUT if each.request.sent.tampered == "absent" else _CHANGED,
            exhibits=(each,),
            tenants=asked_for(each),
            details={"credentials": each.request.sent.tampered or ""},
        )
        for each in requests.accepted
    ]
    return boundary_judged(plan, FORGED, findings, requests, requests.accepted)


_WITHOUT = "A request for {tenants} without any credentials was served."
_CHANGED = "A request with the credentials of {tenants}, one character of them changed, was served."

CHECK = RunCheck(
    id=FORGED,
    summary="credentials that nobody issued were refused",
    needs="tokens, keys or cookies per tenant",
    run=run,
    help=(
        "A request was served although its credentials were a tenant's with one character changed, or missing: "
        "signatures are not verified, the authorizer is not in front of this route, or an edge answers from its "
        "cache before anybody looks at the credentials. Verify them on every route, and put them into the cache's "
        "key."
    ),
)
