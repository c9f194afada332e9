"""`foreign-residue`: a response carries the nonce of another tenant's request."""

from __future__ import annotations

from tenantcheck.judge.checks.check import Check, Judged, asked_for, finding
from tenantcheck.judge.environments import Environments, Foreign
from tenantcheck.model import CheckId, Finding, Plan


def foreign_finding(environments: Environments, check: CheckId, foreign: Foreign, fields: tuple[str, ...]) -> Finding:
    """A breach: this response holds a nonce that was sent for another tenant."""
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
        exhibits=exhibits,
        fields=fields,
        tenants=(*owner, *asked_for(foreign.observation)),
        details=details,
    )


def run(environments: Environments, plan: Plan) -> Judged:
    """Every nonce of another tenant found in residue, body or headers."""
    findings = [
        foreign_finding(environments, "foreign-residue", foreign, (foreign.nonce.place,))
        for foreign in environments.foreign.items
    ]
    return Judged(
        findings,
        environments.could_carry,
        total=environments.foreign.total,
        unexercised="no answer showed what it keeps: it echoes no nonce and reports no residue",
    )


CHECK = Check(
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
