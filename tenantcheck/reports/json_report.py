"""Report for programs: JSON with a frozen schema of its own, apart from the internal records.

`report-v1.schema.json` beside this file is its JSON Schema. Fields may be added in version 1; none is renamed,
removed or given another meaning.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from msgspec import Struct

from tenantcheck.model import Evidence, Finding, Seen, Verdict
from tenantcheck.model.text import ascii_json
from tenantcheck.reports.shell import command_line

SCHEMA = "tenantcheck-report/1"


class JsonExhibit(Struct, kw_only=True):
    """One request that a finding stands on. Times are nanoseconds from the start of the run."""

    request: int
    tenant: str | None
    environment: str | None
    count: int | None
    handler_saw: str | None
    status: int | None
    call_ns: int | None
    end_ns: int | None
    request_ids: dict[str, str]
    repeat: str


class JsonFinding(Struct, kw_only=True):
    """One breach, weakness or open question."""

    check: str
    severity: Literal["breach", "weakness", "open"]
    fields: list[str]
    tenants: list[str]
    environment: str | None
    exhibits: list[JsonExhibit]
    fingerprint: str
    details: dict[str, str | int]


class JsonCheck(Struct, kw_only=True):
    """How one check ended, and how often it could have failed."""

    id: str
    summary: str
    status: Literal["clean", "breached", "weak", "open", "not-exercised", "not-applicable", "crashed"]
    opportunities: int
    findings: int
    breaches: int
    requested: bool
    reason: str


class JsonPair(Struct, kw_only=True):
    """The chance that a pool which ignores these tenants would have passed."""

    tenants: list[str]
    probability: float


class JsonStratum(Struct, kw_only=True):
    """Requests that could have crossed; `bound_95` is null when none could or some did."""

    opportunities: int
    pairs: int
    pairs_total: int
    crossed: int
    bound_95: float | None


class JsonStrata(Struct, kw_only=True):
    """The three kinds of request that could have crossed."""

    warm: JsonStratum
    pressed: JsonStratum
    newcomer: JsonStratum


class JsonRange(Struct, kw_only=True):
    """How far the run went, in seconds; nothing is known beyond."""

    environments: int
    answers: int
    age_s: float
    busy: int
    cold_starts: int
    soonest_s: float | None
    longest_idle_s: float


class JsonControl(Struct, kw_only=True):
    """A function without isolation, asked first."""

    target: str
    caught_by: list[str]
    requests: int
    ended: str
    history: str
    sha256: str


class JsonEvidence(Struct, kw_only=True):
    """How much a clean run is worth. Without evidence the figures are null and `reason` says why."""

    field: str | None
    significance: float
    reached: bool
    weakest_pair: JsonPair | None
    all_tenants: JsonPair | None
    strata: JsonStrata | None
    ordered_requests: int
    needed_requests: int | None
    reason: str
    range: JsonRange | None
    buckets: int | None


class JsonTenant(Struct, kw_only=True):
    """One row of the tenant table."""

    tenant: str
    newcomer: bool
    environments: int
    invocations: int
    requests: int
    cold_starts: int
    p50_ms: float | None
    max_ms: float | None


class JsonReport(Struct, kw_only=True):
    """The whole report."""

    schema: Literal["tenantcheck-report/1"]
    verdict: Literal["pass", "fail", "inconclusive"]
    reasons: list[str]
    unable: bool
    covered: list[str]
    not_covered: list[str]
    kind: Literal["probe", "invoke"]
    target: str
    plan: Literal["quick", "standard", "deep"]
    started: str
    duration_s: float
    ended: str
    requests: int
    environments: int
    waves: int
    seed: str
    run: str
    outcomes: dict[str, int]
    versions: list[str]
    findings: list[JsonFinding]
    checks: list[JsonCheck]
    evidence: JsonEvidence
    control: JsonControl | None
    tenants: list[JsonTenant]
    not_established: list[str]
    remarks: list[str]
    history: str
    history_sha256: str
    tool: str


def render(verdict: Verdict) -> str:
    """The report as indented JSON, ending in a line break. Everything outside ASCII is escaped, so that no text
    from outside steers a terminal that shows it."""
    return ascii_json(json.dumps(msgspec.to_builtins(_report(verdict)), indent=2)) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema of the report."""
    return msgspec.json.schema(JsonReport)


def _report(verdict: Verdict) -> JsonReport:
    subject = verdict.subject
    own = {
        "schema": SCHEMA,
        "verdict": verdict.outcome,
        **{name: getattr(subject, name) for name in _SUBJECT},
        **{name: getattr(verdict, name) for name in _VERDICT},
        "checks": [msgspec.structs.asdict(check) for check in verdict.checks],
        "tenants": [msgspec.structs.asdict(tenant) for tenant in verdict.tenants],
        "findings": [_finding(finding) for finding in verdict.findings],
        "evidence": _evidence(verdict.evidence),
        "control": None if verdict.control is None else msgspec.structs.asdict(verdict.control),
    }
    return msgspec.convert(own, JsonReport)


_SUBJECT = (
    "kind",
    "target",
    "plan",
    "started",
    "duration_s",
    "ended",
    "requests",
    "environments",
    "waves",
    "seed",
    "run",
    "outcomes",
    "versions",
)
_VERDICT = (
    "reasons",
    "unable",
    "covered",
    "not_covered",
    "not_established",
    "remarks",
    "history",
    "history_sha256",
    "tool",
)


def _finding(finding: Finding) -> dict[str, Any]:
    return msgspec.structs.asdict(finding) | {"exhibits": [_exhibit(exhibit) for exhibit in finding.exhibits]}


def _exhibit(exhibit: Seen) -> dict[str, Any]:
    fields = msgspec.structs.asdict(exhibit)
    repeat = fields.pop("repeat")
    return {"request": fields.pop("seq"), **fields, "repeat": "" if repeat is None else command_line(repeat)}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    fields = msgspec.to_builtins(msgspec.structs.asdict(evidence))
    for name in ("weakest_pair", "all_tenants"):
        fields[name] = None if (pair := getattr(evidence, name)) is None else msgspec.structs.asdict(pair)
    fields["range"] = None if evidence.range is None else msgspec.structs.asdict(evidence.range)
    fields["strata"] = {name: msgspec.structs.asdict(figure) for name, figure in evidence.strata.items()} or None
    return dict(fields)
