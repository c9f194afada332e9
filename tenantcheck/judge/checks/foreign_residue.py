"""`foreign-residue`: a response carries the nonce of another tenant's request."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.judge.checks.check import RunCheck, asked_for, finding
from tenantcheck.judge.environments import Environments, Foreign
from tenantcheck.model import CheckId, Finding, NoncePlace

_PLACES = {"residue-memory": "memory", "residue-scratch": "scratch directory", "header": "headers"}


def foreign_finding(
    environments: Environments, check: CheckId, foreign: Foreign, fields: tuple[str, ...], says: tuple[str, str]
) -> Finding:
    """A breach: this response holds a nonce that was sent for another tenant. `says` are its sentences, for a tenant
    of this run and for one of an earlier run."""
    exhibits = (foreign.origin, foreign.observation) if foreign.origin is not None else (foreign.observation,)
    owner = () if foreign.owner is None else (foreign.owner,)
    details: dict[str, str | int] = {
        "nonce": foreign.nonce.nonce,
        "place": foreign.nonce.place,
        "encoding": foreign.nonce.encoding,
    }
    return finding(
        environments,
        check,
        "breach",
        says=says[0] if foreign.owner is not None else says[1],
        exhibits=exhibits,
        fields=fields,
        tenants=(*owner, *asked_for(foreign.observation)),
        details=details,
    )


def _carries(place: NoncePlace) -> tuple[str, str]:
    where = _PLACES.get(place, place)
    return (
        f"The answer to {{second}} carries, in its {where}, the nonce of a request sent for {{first}}.",
        f"The answer to {{tenants}} carries, in its {where}, the nonce of a request sent for another tenant (of an "
        "earlier run).",
    )


def run(environments: Environments) -> Judged:
    """Every nonce of another tenant found in residue, body or headers."""
    findings = [
        foreign_finding(
            environments, "foreign-residue", foreign, (foreign.nonce.place,), _carries(foreign.nonce.place)
        )
        for foreign in environments.nonces.foreign.items
    ]
    return Judged(
        findings,
        environments.nonces.could_carry,
        total=environments.nonces.foreign.total,
        unexercised="no answer showed what it keeps: it echoes no nonce and reports no residue",
    )


CHECK = RunCheck(
    id="foreign-residue",
    summary="no response carried a nonce that was sent for another tenant",
    needs="a handler that echoes the nonce or reports residue",
    run=run,
    help=(
        "Data of one tenant's request came out in another tenant's response. Where the place is "
        "residue-memory or residue-scratch the environment was shared; body or header point to a cache, a "
        "shared store or a mixed-up response."
    ),
)
