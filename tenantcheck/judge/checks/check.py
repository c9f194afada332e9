"""What the checks of a run have in common: how a finding is made of observations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tenantcheck.checking import Check, Judged
from tenantcheck.judge.checks.repeating import repeat_of
from tenantcheck.judge.environments import Environments, easily_shared
from tenantcheck.model import IDENTITIES, WITNESS_NAMES, CheckId, Finding, Observation, Seen, Severity

#: What is missing never accuses: counts that no record explains may be those of records that are not there.
NOT_WHOLE = Judged((), 0, unexercised="records are missing from the history, which may explain any count")


RunCheck = Check[Environments]


def seen(environments: Environments, observation: Observation, identity: str) -> Seen:
    """The exhibit of one observation, with how to send it again; `identity` is the field that names its
    environment."""
    plan, request, witness = environments.plan, observation.request, observation.witness
    tenant = plan.everyone()[request.tenant].id if request.tenant is not None else None
    environment = None
    if witness is not None:
        environment = getattr(witness, identity) or witness.environment()
    request_ids = {
        name: value
        for name, value in observation.headers.items()
        if name in ("x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id", "x-amz-cf-id")
    }
    ids = request.sent.ids
    return Seen(
        seq=request.seq,
        tenant=tenant if ids is None else ids[0],
        environment=environment,
        count=witness.invocation_count if witness else None,
        call_ns=observation.call_ns,
        end_ns=observation.end_ns,
        status=observation.status,
        handler_saw=witness.tenant_id if witness else None,
        request_ids=request_ids,
        repeat=repeat_of(plan, request),
    )


def finding(
    environments: Environments,
    check: CheckId,
    severity: Severity,
    *,
    says: str,
    exhibits: Sequence[Observation],
    fields: Sequence[str] = (),
    tenants: Sequence[int] = (),
    environment: str | None = None,
    details: dict[str, str | int] | None = None,
) -> Finding:
    """A finding. A breach that stands on identities alone which can't be trusted is an open question. `says` is its
    sentence, as `Finding` has it."""
    plan = environments.plan
    template = says
    people = plan.everyone()
    identities = [name for name in fields if name in IDENTITIES]
    identity = identities[0] if identities else environments.identities.for_reports()
    if severity == "breach" and identities and not trusted(environments, identities, exhibits):
        severity = "open"
        says += " Open, since what it stands on alone is not to be trusted."
    names = tuple(people[tenant].id for tenant in tenants)
    stable = [name if not people[index].fresh else "fresh" for index, name in zip(tenants, names, strict=True)]
    told = [f"{name}={details[name]}" for name in _TELLING if details and name in details]
    mark = "|".join([check, severity, template, plan.kind, plan.target, *sorted(stable), *sorted(fields), *told])
    return Finding(
        check=check,
        severity=severity,
        says=says,
        fields=tuple(WITNESS_NAMES.get(name, name) for name in fields),
        tenants=names,
        environment=environment,
        exhibits=tuple(seen(environments, observation, identity) for observation in exhibits),
        fingerprint=hashlib.sha256(mark.encode()).hexdigest()[:16],
        details=details or {},
    )


#: Details that make one finding of a check another one than the next: all that are no figures of this run.
_TELLING = ("which", "under", "form", "met in", "credentials", "length", "field", "contradicted")


def trusted(environments: Environments, identities: Sequence[str], exhibits: Sequence[Observation]) -> bool:
    """Whether a meeting shown by these identities can stand: one of them is neither discredited nor easily shared by
    two environments, or the process counted on from one tenant to the other."""
    witness = exhibits[-1].witness if exhibits else None
    if witness is None:
        return False
    if (
        "execution_environment_id" in identities
        and witness.execution_environment_id in environments.continuity.proven
    ):
        return True
    return any(
        name not in environments.identities.discredited and not easily_shared(getattr(witness, name) or "")
        for name in identities
    )


def asked_for(observation: Observation) -> tuple[int, ...]:
    """The tenant an observation belongs to, as a tuple that is empty when there is none."""
    tenant = observation.request.tenant
    return () if tenant is None else (tenant,)
