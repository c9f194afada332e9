"""`wrong-tenant`: the handler saw another tenant than expected."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments
from tenantcheck.model import Finding, Observation
from tenantcheck.model.text import shown_id


def run(environments: Environments) -> Judged:
    """Answers whose tenant is not the expected one; answers that saw none are a weakness.

    Where the handler calls every tenant consistently by another name, one to one, that is a remark: it hashes or
    prefixes ids. A look-alike that was served as its sibling is `lookalike-collapse`.
    """
    seen = environments.people
    renamed = seen.renamed
    wrong = [] if renamed else [o for o in seen.misnamed.items if not _as_sibling(environments, o)]
    aside = len(seen.misnamed.items) - len(wrong)
    findings: list[Finding] = [
        finding(
            environments,
            "wrong-tenant",
            "breach",
            says=_OTHER,
            exhibits=(observation,),
            fields=("tenant_id",),
            tenants=asked_for(observation),
            details={
                "expected": seen.everyone[asked_for(observation)[0]].expect,
                "saw": (observation.witness.tenant_id or "") if observation.witness else "",
            },
        )
        for observation in wrong
    ]
    breaches = 0 if renamed else seen.misnamed.total - aside
    # A field that other answers carry and these do not is no tenant either.
    without = [seen.tenantless, seen.nameless] if seen.reports else [seen.tenantless]
    tenantless = sum(kept.total for kept in without)
    if tenantless:
        first = next(kept.items[0] for kept in without if kept.items)
        findings.append(
            finding(
                environments,
                "wrong-tenant",
                "weakness",
                says=_NONE,
                exhibits=(first,),
                fields=("tenant_id",),
                tenants=asked_for(first),
                details={"saw": "", "answers": tenantless},
            )
        )
    return Judged(
        findings,
        environments.people.reports,
        total=breaches + bool(tenantless),
        unexercised="no answer carried tenantId, the tenant as the handler sees it",
        remarks=_renaming(environments),
    )


_OTHER = "A request for {tenants} was served as '{saw}', expected was '{expected}'."
_NONE = "The handler saw no tenant in {answers} answers, first for {tenants}."


def _renaming(environments: Environments) -> tuple[str, ...]:
    renamed = environments.people.renamed
    if not renamed:
        return ()
    index, name = next(iter(renamed.items()))
    return (
        f"the handler calls '{shown_id(environments.people.everyone[index].id)}' '{shown_id(name)}', and every other "
        "tenant by a name of its own",
    )


def _as_sibling(environments: Environments, observation: Observation) -> bool:
    """Whether a look-alike was served as the tenant it looks like, which another check finds."""
    people, tenant = environments.people.everyone, observation.request.tenant
    sibling = people[tenant].sibling if tenant is not None else None
    if sibling is None or "lookalike-collapse" not in environments.plan.checks or observation.witness is None:
        return False
    return observation.witness.tenant_id == people[sibling].expect


CHECK = RunCheck(
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
