"""What a check is: a value with a function from grouped observations to findings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import quote

from tenantcheck.environments import Environments
from tenantcheck.model import IDENTITIES, WITNESS_NAMES, Finding, Observation, Plan, Request, Seen, Severity
from tenantcheck.model.boundary import AMBIGUOUS, CACHEABLE, NONCE_HEADER, RESERVED, RESERVED_HEADER


class Judged(NamedTuple):
    """What a check found."""

    findings: Sequence[Finding]
    opportunities: int
    """How often it could have failed."""
    total: int | None = None
    """Findings in all, where not all of them are kept."""
    not_applicable: str = ""
    """Why it has no place in this run, where it has none."""
    unexercised: str = ""
    """What it would have needed, where it had no opportunity."""


class Check(NamedTuple):
    """One check."""

    id: str
    summary: str
    """One line: what holds when it is clean."""
    needs: str
    """What a run must give it."""
    run: Callable[[Environments, Plan], Judged]
    help: str
    """What a finding means and what to do about it."""


def seen(environments: Environments, observation: Observation, identity: str) -> Seen:
    """The exhibit of one observation, with the command that sends it again; `identity` is the field that names its
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
    two_ids = request.purpose in (RESERVED, AMBIGUOUS)
    sent = request.claimed if request.claimed is not None and not two_ids else tenant
    return Seen(
        seq=request.seq,
        tenant=sent,
        environment=environment,
        count=witness.invocation_count if witness else None,
        call_ns=observation.call_ns,
        end_ns=observation.end_ns,
        status=observation.status,
        handler_saw=witness.tenant_id if witness else None,
        request_ids=request_ids,
        repeat=_repeat(plan, request, sent, request.claimed if two_ids else None),
    )


_NONCE_IN_QUERY = re.compile(r"([?&])[^?&=\"]+=@NONCE_QUOTED@(&?)")


def _repeat(plan: Plan, request: Request, sent: str | None, second: str | None) -> str:
    """The command that sends a request again, with the id it was sent with, none, or two."""
    command = plan.repeat
    if request.purpose == CACHEABLE:
        command = _NONCE_IN_QUERY.sub(lambda match: match[1] if match[2] else "", command)
        command += f' -H "{NONCE_HEADER}: @NONCE@"'
    owner = request.credential if request.credential is not None else request.tenant
    if owner is not None:
        # Whose credentials: each tenant's stand as variables of their own.
        id_ = re.sub(r"[^A-Z0-9]", "_", plan.everyone()[owner].id.upper())[:40]
        command = command.replace("${TENANT_", f"${{TENANT_{id_}_")
    if sent is None:
        command = re.sub(r' -H "[^"]*: @TENANT@"| --tenant-id "@TENANT@"', "", command)
    for token, value in (("TENANT", sent or ""), ("NONCE", request.nonce)):
        command = command.replace(f"@{token}@", value).replace(f"@{token}_QUOTED@", quote(value, safe=""))
    if second is not None and command:
        name = RESERVED_HEADER if request.purpose == RESERVED else plan.tenant_place.partition(":")[2]
        command += f' -H "{name}: {second}"'
    return command


def finding(
    environments: Environments,
    check: str,
    severity: Severity,
    *,
    exhibits: Sequence[Observation],
    fields: Sequence[str] = (),
    tenants: Sequence[int] = (),
    environment: str | None = None,
    details: dict[str, str | int] | None = None,
) -> Finding:
    """A finding. A breach that stands on discredited identities alone is an open question."""
    plan = environments.plan
    people = plan.everyone()
    identities = [name for name in fields if name in IDENTITIES]
    identity = identities[0] if identities else environments.shown_identity()
    if severity == "breach" and identities and set(identities) <= environments.discredited:
        severity = "open"
    names = tuple(people[tenant].id for tenant in tenants)
    stable = [name if not people[index].fresh else "fresh" for index, name in zip(tenants, names, strict=True)]
    mark = "|".join([check, plan.kind, plan.target, *sorted(stable), *sorted(fields)])
    return Finding(
        check=check,
        severity=severity,
        fields=tuple(WITNESS_NAMES.get(name, name) for name in fields),
        tenants=names,
        environment=environment,
        exhibits=tuple(seen(environments, observation, identity) for observation in exhibits),
        fingerprint=hashlib.sha256(mark.encode()).hexdigest()[:16],
        details=details or {},
    )


def asked_for(observation: Observation) -> tuple[int, ...]:
    """The tenant an observation belongs to, as a tuple that is empty when there is none."""
    tenant = observation.request.tenant
    return () if tenant is None else (tenant,)
