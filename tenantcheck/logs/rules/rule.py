"""What the rules over rows have in common: how a finding is made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tenantcheck.checking import Check
from tenantcheck.logs.facts import Facts
from tenantcheck.logs.rows import Row
from tenantcheck.model import Finding, Logged, Severity

LogRule = Check[Facts]


def finding(
    rule: str,
    severity: Severity,
    row: Row | None,
    *,
    says: str,
    exhibits: Sequence[Logged] = (),
    tenants: Sequence[str] = (),
    fields: Sequence[str] = (),
    details: dict[str, str | int] | None = None,
    stable: Sequence[str] = (),
) -> Finding:
    """A finding on one stream, or on all. Its fingerprint holds what is the same in the next audit: function and
    tenants, no stream; `stable` adds to it."""
    function = (row.function or row.group) if row is not None else ""
    mark = "|".join([rule, severity, says, function, *sorted(tenants), *stable])
    return Finding(
        check=rule,
        severity=severity,
        says=says,
        fields=tuple(fields),
        tenants=tuple(tenants),
        environment=row.stream if row is not None else None,
        exhibits=tuple(exhibits),
        fingerprint=hashlib.sha256(mark.encode()).hexdigest()[:16],
        details=details or {},
    )
