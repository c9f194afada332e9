"""`not-isolated`: Lambda refuses the tenant id, since the function has no tenancy configuration."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model import TENANCY_NOT_ENABLED, Observation
from tenantcheck.model.boundary import NOT_ISOLATED


def refuses_tenants(observation: Observation) -> bool:
    """Whether this answer says that the function takes no tenant id."""
    return observation.error_kind == TENANCY_NOT_ENABLED


def run(environments: Environments) -> Judged:
    """The opening move of `invoke`: one call with a tenant."""
    plan = environments.plan
    if plan.tenant_place != "invoke":
        return Judged((), 0, not_applicable="only Invoke tells whether a function has a tenancy configuration")
    calls = [o for o, *_ in environments.attacks.by_purpose.get(NOT_ISOLATED, ()) if o.request.tenant is not None]
    findings = [
        finding(
            environments,
            "not-isolated",
            "breach",
            says="Lambda refused the tenant id: {answer}",
            exhibits=(observation,),
            tenants=asked_for(observation),
            details={"answer": observation.error_text or ""},
        )
        for observation in calls
        if refuses_tenants(observation)
    ]
    told = [o for o in calls if o.outcome in ("served", "no-witness", "function-error") or refuses_tenants(o)]
    return Judged(findings[:1], len(told), unexercised="the opening call with a tenant did not reach the function")


CHECK = RunCheck(
    id="not-isolated",
    summary="the function has a tenancy configuration",
    needs="tenantcheck invoke",
    run=run,
    help=(
        "Lambda answered that the function is not enabled with tenancy configuration: every tenant shares its "
        "environments. TenancyConfig can only be set when a function is created, so create it anew with "
        "TenantIsolationMode PER_TENANT."
    ),
)
