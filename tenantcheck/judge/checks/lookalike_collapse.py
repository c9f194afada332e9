"""`lookalike-collapse`: two different ids met in one environment or one tenant."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, finding
from tenantcheck.judge.checks.shared_environment import family, shared_fields
from tenantcheck.judge.environments import KEPT, Environments
from tenantcheck.model import Finding, Observation


def run(environments: Environments) -> Judged:
    """Newcomers that were served in the environment of the tenant they look like, or of another id that looks like
    it; and those that were served as the tenant they look like."""
    plan = environments.plan
    people = plan.everyone()
    findings: list[Finding] = []
    told: set[int] = set()
    for _, earlier, later in environments.places.shared():
        for newcomer, other in ((later, earlier), (earlier, later)):
            index, met = newcomer.request.tenant, other.request.tenant
            if index is None or met is None or people[index].sibling is None:
                continue
            if met > index or family(plan, index) != family(plan, met):
                continue
            if newcomer.request.seq not in told:
                told.add(newcomer.request.seq)
                findings.append(_collapse(environments, index, met, (other, newcomer), "environment"))
    findings += [
        _collapse(environments, index, sibling, (observation,), "tenant")
        for observation in environments.people.misnamed.items
        if (index := observation.request.tenant) is not None
        and (sibling := people[index].sibling) is not None
        and observation.witness is not None
        and observation.witness.tenant_id == people[sibling].expect
    ]
    lookalikes = [tenant for tenant in plan.newcomers if tenant.sibling is not None]
    return Judged(
        findings[:KEPT],
        environments.people.could_collapse,
        total=len(findings),
        not_applicable="" if lookalikes else "this plan asks for no look-alike ids",
        unexercised="no look-alike id was answered with a witness",
    )


def _collapse(
    environments: Environments, index: int, sibling: int, exhibits: tuple[Observation, ...], met_in: str
) -> Finding:
    form = environments.plan.everyone()[index].lookalike or ""
    fields = ("tenant_id",) if met_in == "tenant" else shared_fields(exhibits[0], exhibits[-1])
    return finding(
        environments,
        "lookalike-collapse",
        "breach",
        says=f"{{tenants}} differ by {{form}} and met in the same {met_in}.",
        exhibits=exhibits,
        fields=fields,
        tenants=(sibling, index),
        details={"form": form, "met in": met_in},
    )


CHECK = RunCheck(
    id="lookalike-collapse",
    summary="ids that look alike stayed apart",
    needs="newcomers: the standard or deep plan, and ids without credentials of their own",
    run=run,
    help=(
        "Two different tenant ids were treated as one: something on the way folds case, trims, truncates or "
        "decodes ids. Compare ids byte for byte everywhere, from the authorizer to the mapping."
    ),
)
