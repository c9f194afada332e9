"""Report for programs: JSON with a frozen schema of its own, apart from the internal records.

`report-v1.schema.json` beside this file is its JSON Schema. Fields may be added in version 1; none is renamed,
removed or given another meaning.
"""

from __future__ import annotations

import inspect
from typing import Any, Literal

import msgspec
from msgspec import Struct

from tenantcheck.model import Exhibit, Finding, Seen, Verdict
from tenantcheck.model.text import json_text
from tenantcheck.reports.sentences import finding_sentence
from tenantcheck.reports.shell import command_line

SCHEMA = "tenantcheck-report/1"


class JsonSeen(Struct, kw_only=True, tag="seen", tag_field="type"):
    """One request of a run that a finding stands on. Times are nanoseconds from the start of the run."""

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


class JsonLogged(Struct, kw_only=True, tag="logged", tag_field="type"):
    """One invocation in a log that a finding stands on."""

    group: str
    stream: str
    request_id: str | None
    tenant: str | None
    time: str | None
    file: str | None
    line: int | None


class JsonConfigured(Struct, kw_only=True, tag="configured", tag_field="type"):
    """One value of a configuration that a finding stands on."""

    resource: str
    property: str
    value: str | None
    file: str | None
    line: int | None
    column: int | None
    remedies: dict[str, str]


class JsonFinding(Struct, kw_only=True):
    """One breach, weakness or open question."""

    check: str
    severity: Literal["breach", "weakness", "open"]
    fields: list[str]
    tenants: list[str]
    environment: str | None
    sentence: str
    exhibits: list[JsonSeen | JsonLogged | JsonConfigured]
    fingerprint: str
    details: dict[str, str | int]
    accepted: str = ""


class JsonChange(Struct, kw_only=True):
    """Fingerprints of findings that are new or as before, and what was said of those that are gone, or that nothing
    looked for this time."""

    baseline: str
    before: Literal["pass", "fail", "inconclusive"]
    new: list[str]
    still: list[str]
    gone: list[str]
    unlooked: list[str] = []


class JsonCheck(Struct, kw_only=True):
    """How one check ended, and how often it could have failed."""

    id: str
    summary: str
    status: Literal["clean", "breached", "weak", "open", "not-exercised", "not-applicable", "left-out", "crashed"]
    opportunities: int
    findings: int
    breaches: int
    requested: bool
    required: bool
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


class JsonRandomised(Struct, kw_only=True, tag="randomised", tag_field="type"):
    """How much a clean run is worth. Where it counts for nothing, `void` says why."""

    field: str
    significance: float
    reached: bool
    weakest_pair: JsonPair
    all_tenants: JsonPair
    strata: JsonStrata
    ordered_requests: int
    needed_requests: int | None
    void: str
    range: JsonRange | None
    buckets: int | None
    control: JsonControl | None


class JsonObserved(Struct, kw_only=True, tag="observed", tag_field="type"):
    """How much was seen of what ran anyway."""

    environments: int
    invocations: int
    reuses: int
    coverage: float
    gaps: list[str]
    bound_95: float | None = None
    oldest_s: float = 0.0
    answers: int = 0


class JsonExamined(Struct, kw_only=True, tag="examined", tag_field="type"):
    """How much of a configuration was looked at."""

    rules: int
    looks: int
    functions: int


class JsonNoEvidence(Struct, kw_only=True, tag="none", tag_field="type"):
    """A clean case is worth nothing, and why."""

    reason: str
    range: JsonRange | None
    control: JsonControl | None


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
    cold_p50_ms: float | None = None


class JsonRun(Struct, kw_only=True, tag="run", tag_field="type"):
    """A run was judged."""

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
    covered: list[str]
    not_covered: list[str]


class JsonLog(Struct, kw_only=True, tag="log", tag_field="type"):
    """Logs were judged."""

    target: str
    sources: list[str]
    since: str
    until: str
    groups: int
    streams: int
    versions: list[str]


class JsonConfig(Struct, kw_only=True, tag="config", tag_field="type"):
    """A configuration was judged."""

    target: str
    sources: list[str]
    resources: int


class JsonSource(Struct, kw_only=True):
    """What was read, so that it can be judged again."""

    path: str
    sha256: str
    problem: str
    plan_sha256: str = ""


class JsonReport(Struct, kw_only=True):
    """The whole report."""

    schema: Literal["tenantcheck-report/1"]
    verdict: Literal["pass", "fail", "inconclusive"]
    reasons: list[str]
    unable: bool
    subject: JsonRun | JsonLog | JsonConfig
    findings: list[JsonFinding]
    checks: list[JsonCheck]
    evidence: JsonRandomised | JsonObserved | JsonExamined | JsonNoEvidence
    tenants: list[JsonTenant]
    not_established: list[str]
    remarks: list[str]
    source: JsonSource
    tool: str
    change: JsonChange | None = None


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The report in plain types."""
    told: dict[str, Any] = msgspec.to_builtins(_report(verdict))
    return told


def render(verdict: Verdict) -> str:
    """The report as indented JSON, ending in a line break. Everything outside ASCII is escaped, so that no text
    from outside steers a terminal that shows it."""
    return json_text(as_json(verdict))


def json_schema() -> dict[str, Any]:
    """JSON Schema of the report, the same on every Python: 3.13 takes the indentation out of docstrings."""
    schema: dict[str, Any] = _cleaned(msgspec.json.schema(JsonReport))
    return schema


def _cleaned(value: Any) -> Any:
    """The same with descriptions that are not indented."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(each) if key == "description" and isinstance(each, str) else _cleaned(each)
            for key, each in value.items()
        }
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


def _report(verdict: Verdict) -> JsonReport:
    own = {
        "schema": SCHEMA,
        "verdict": verdict.outcome,
        "checks": _whole(verdict.results),
        "findings": [_finding(finding) for finding in verdict.findings],
        **{name: _whole(getattr(verdict, name)) for name in _AS_THEY_ARE},
    }
    return msgspec.convert(own, JsonReport)


_AS_THEY_ARE = (
    "reasons",
    "unable",
    "subject",
    "evidence",
    "tenants",
    "not_established",
    "remarks",
    "source",
    "tool",
    "change",
)


def _finding(finding: Finding) -> dict[str, Any]:
    known: dict[str, Any] = _whole(finding)
    known["sentence"] = finding_sentence(finding)
    known["exhibits"] = [_exhibit(exhibit) for exhibit in finding.exhibits]
    return known


def _exhibit(exhibit: Exhibit) -> dict[str, Any]:
    known: dict[str, Any] = _whole(exhibit)
    if isinstance(exhibit, Seen):
        known["request"] = known.pop("seq")
        known["repeat"] = "" if exhibit.repeat is None else command_line(exhibit.repeat)
    return known


def _whole(value: Any) -> Any:
    """A value of the records in plain types, with every field, and the tag of those that have one."""
    if isinstance(value, Struct):
        known = {name: _whole(getattr(value, name)) for name in value.__struct_fields__}
        tag = value.__struct_config__.tag
        return known if tag is None else known | {"type": tag}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    return value
