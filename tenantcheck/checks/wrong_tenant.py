"""`wrong-tenant`: the handler saw another tenant than expected."""

from __future__ import annotations

from tenantcheck.checks.check import Check, Judged, asked_for, finding
from tenantcheck.environments import Environments
from tenantcheck.model import Finding, Plan


def run(environments: Environments, plan: Plan) -> Judged:
    """Answers whose tenant is not the expected one; answers that saw none are a weakness."""
    people = plan.everyone()
    findings: list[Finding] = [
        finding(
            environments,
            "wrong-tenant",
            "breach",
            exhibits=(observation,),
            fields=("tenant_id",),
            tenants=asked_for(observation),
            details={
                "expected": people[asked_for(observation)[0]].expect,
                "saw": (observation.witness.tenant_id or "") if observation.witness else "",
            },
        )
        for observation in environments.wrong_tenant.items
    ]
    if environments.tenantless.total:
        first = environments.tenantless.items[0]
        findings.append(
            finding(
                environments,
                "wrong-tenant",
                "weakness",
                exhibits=(first,),
                fields=("tenant_id",),
                tenants=asked_for(first),
                details={"saw": "", "answers": environments.tenantless.total},
            )
        )
    return Judged(
        findings,
        environments.tenant_reports,
        total=environments.wrong_tenant.total + bool(environments.tenantless.total),
        unexercised="no answer carried tenantId, the tenant as the handler sees it",
    )


CHECK = Check(
    id="wrong-tenant",
    summary="the handler saw the expected tenant",
    needs="tenantId in the answers",
    run=run,
    help=(
        "The request was sent for one tenant and the handler's context named another (or none). Look at the "
        "mapping in front of the function: a constant, a default for missing values, a cached authorizer "
        "result, or an id that is changed on its way. If the handler rightly sees another name, say so with "
        "`expect` in the tenants file."
    ),
)
