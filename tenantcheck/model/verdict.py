"""What is concluded: exhibits, findings, evidence, verdict. Reports are pure functions of `Verdict`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tenantcheck.errors import IsolationBreachedError
from tenantcheck.model.observation import Control
from tenantcheck.model.repeat import Repeat
from tenantcheck.model.text import printable, shown_id
from tenantcheck.model.timeline import Timeline

Severity = Literal["breach", "weakness", "open"]
CheckStatus = Literal["clean", "breached", "weak", "open", "not-exercised", "not-applicable", "left-out", "crashed"]
Outcome = Literal["pass", "fail", "inconclusive"]
Stratum = Literal["warm", "pressed", "newcomer"]

STRATA: tuple[Stratum, ...] = ("warm", "pressed", "newcomer")


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="seen", tag_field="type"):
    """Exhibit: one observation of a run."""

    seq: int
    tenant: str | None
    """The id the request was sent for; None when it was sent without a tenant."""
    environment: str | None = None
    count: int | None = None
    call_ns: int | None = None
    end_ns: int | None = None
    status: int | None = None
    handler_saw: str | None = None
    """The tenant the handler reported."""
    request_ids: dict[str, str] = {}
    repeat: Repeat | None = None
    """How to send it again."""

    def __str__(self) -> str:
        parts = [f"#{self.seq}", f"tenant {shown_id(self.tenant)}" if self.tenant is not None else "no tenant"]
        if self.environment is not None:
            parts.append(f"environment {printable(self.environment)}")
        if self.count is not None:
            parts.append(f"invocation {self.count}")
        if self.handler_saw is not None:
            parts.append(f"the handler saw {shown_id(self.handler_saw)}")
        return ", ".join(parts)


class Logged(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="logged", tag_field="type"):
    """Exhibit: one invocation that a log tells of."""

    group: str
    stream: str
    """The log stream: one environment."""
    request_id: str | None = None
    tenant: str | None = None
    time: str | None = None
    """ISO 8601 in UTC."""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = "" if self.file is None else f" ({printable(self.file)}, line {self.line})"
        tenant = "no tenant" if self.tenant is None else f"tenant {shown_id(self.tenant)}"
        return f"{printable(self.request_id or 'an invocation')}, {tenant}, stream {printable(self.stream)}{place}"


class Configured(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="configured", tag_field="type"):
    """Exhibit: one value of a configuration."""

    resource: str
    property: str
    value: str | None = None
    """None: it is not there."""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    remedies: dict[str, str] = {}
    """What to write instead, by the tool that it is for."""

    def __str__(self) -> str:
        column = "" if self.column is None else f", column {self.column}"
        place = "" if self.file is None else f" ({printable(self.file)}, line {self.line}{column})"
        value = "is not there" if self.value is None else f"is {printable(self.value)}"
        return f"{printable(self.resource)}: {printable(self.property)} {value}{place}"


Exhibit = Seen | Logged | Configured


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One breach, weakness or open question, with the observations it stands on."""

    check: str
    severity: Severity
    says: str = ""
    """Its sentence, with places for what is shown harmless: `{tenants}`, the `{first}` and `{second}` of them,
    `{environment}`, `{fields}` and every name of `details`."""
    fields: tuple[str, ...] = ()
    """Witness fields it stands on."""
    tenants: tuple[str, ...] = ()
    environment: str | None = None
    exhibits: tuple[Exhibit, ...] = ()
    fingerprint: str = ""
    """Names the same finding across runs."""
    details: dict[str, str | int] = {}
    accepted: str = ""
    """Why, and until when, somebody accepted it: it fails nothing then."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed since an earlier report."""

    baseline: str
    """The report that it is held against."""
    before: Outcome
    """Its verdict."""
    new: tuple[str, ...] = ()
    """Fingerprints of findings that it does not have."""
    still: tuple[str, ...] = ()
    """Fingerprints of findings that it has, too."""
    gone: tuple[str, ...] = ()
    """What it says of findings that are not there any more."""
    unlooked: tuple[str, ...] = ()
    """What it says of findings that nothing looked for this time."""


class CheckResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one check ended."""

    id: str
    summary: str
    status: CheckStatus
    opportunities: int
    """How often it could have failed."""
    findings: int = 0
    """Findings in total, those beyond the kept ones included."""
    breaches: int = 0
    """Breaches among them, in total."""
    requested: bool = False
    """It was asked for by name."""
    required: bool = False
    """Nothing passes without it."""
    reason: str = ""
    help: str = ""
    """What its findings mean and what to do about them, where it has some."""


class Standing(Struct, frozen=True, kw_only=True):
    """What the judge says of everything so far, for the course of the run."""

    not_isolated: bool = False
    """The target says itself that it does not isolate."""
    breached: bool = False
    confirmed: bool = True
    """The breach stands on more than one identity, which may be a constant."""
    named: bool = True
    """Answers name their environment."""
    reused: bool = True
    """Some environment answered twice."""
    finished: bool = False
    """The evidence reached its target, or never will."""


class PairFigure(Struct, frozen=True, kw_only=True):
    """The chance that a pool which ignores these tenants would have passed."""

    tenants: tuple[str, ...]
    probability: float


class StratumFigure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often one kind of request could have crossed, and what rate none crossing excludes."""

    opportunities: int
    pairs: int
    """Ordered pairs (tenant asked for, tenant whose environment lay idle) that were covered."""
    pairs_total: int
    crossed: int = 0
    bound_95: float | None = None
    """None when nothing was exercised or something crossed."""


class Range(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a run went. Nothing is known beyond it. Times are in seconds."""

    environments: int
    answers: int
    """Answers of one environment, at most."""
    age_s: float
    """Of one environment, from its first call to its last answer, at most."""
    busy: int
    """Environments of one tenant that worked at once, at most."""
    cold_starts: int
    """New environments that started at once, at most."""
    soonest_s: float | None = None
    """Between the answer to one tenant and the next request for another, at least. None: never."""
    longest_idle_s: float = 0.0
    """Between two answers of one environment, at most."""


class Randomised(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="randomised", tag_field="type"):
    """How much a clean run is worth, by the orders that were drawn for it."""

    field: str
    """Identity it stands on."""
    weakest_pair: PairFigure
    all_tenants: PairFigure
    significance: float
    strata: dict[str, StratumFigure]
    reached: bool
    ordered_requests: int
    """Requests in ordered waves that count."""
    needed_requests: int | None = None
    """Further requests per tenant that would reach the target if nothing were lost."""
    void: str = ""
    """Why it counts for nothing, where it does."""
    range: Range | None = None
    """How far the run went."""
    buckets: int | None = None
    """Newcomers exclude that ids are hashed into up to about so many."""
    control: Control | None = None
    """How a function that does not isolate came out, asked first."""


class Observed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="observed", tag_field="type"):
    """How much was seen of what ran anyway: no order was drawn, so no chance can be computed."""

    environments: int
    invocations: int
    reuses: int
    """Invocations of an environment that had served an earlier one."""
    coverage: float
    """Share of the invocations that are known to have been there, from 0 to 1."""
    gaps: tuple[str, ...] = ()
    """What is missing, each with its size."""
    bound_95: float | None = None
    """The rate of crossing that none in `reuses` excludes; None where something crossed, or nothing could."""
    oldest_s: float = 0.0
    """Seconds from the first to the last invocation of one environment, at most."""
    answers: int = 0
    """Invocations of one environment, at most."""


class Examined(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="examined", tag_field="type"):
    """How much of a configuration was looked at: it says what was meant, not what the platform does."""

    rules: int
    """Rules that had something to look at."""
    looks: int
    """How often one of them could have found something."""
    functions: int
    """Functions in tenant isolation mode."""


class NoEvidence(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="none", tag_field="type"):
    """A clean case is worth nothing, and why."""

    reason: str
    range: Range | None = None
    """How far a run went all the same."""
    control: Control | None = None


Evidence = Randomised | Observed | Examined | NoEvidence


class TenantSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the report's table."""

    tenant: str
    newcomer: bool = False
    environments: int
    invocations: int
    """Requests that were answered by the function."""
    requests: int
    cold_starts: int
    p50_ms: float | None = None
    cold_p50_ms: float | None = None
    """Median of its cold starts."""
    max_ms: float | None = None


class RunSubject(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="run", tag_field="type"):
    """A run was judged."""

    kind: str
    target: str
    run: str
    plan: str
    started: str
    seed: str
    requests: int
    environments: int
    waves: int
    duration_s: float
    ended: str
    """Reason from the end line; `cut` where a history has none."""
    versions: tuple[str, ...] = ()
    """Executed function versions."""
    outcomes: dict[str, int] = {}
    covered: tuple[str, ...] = ()
    """What the run looked for, in words."""
    not_covered: tuple[str, ...] = ()
    """What a run can look for and this one did not."""


class LogSubject(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="log", tag_field="type"):
    """Logs were judged."""

    target: str
    """The function or log group."""
    sources: tuple[str, ...]
    since: str = ""
    until: str = ""
    """ISO 8601 in UTC."""
    groups: int = 0
    streams: int = 0
    versions: tuple[str, ...] = ()


class ConfigSubject(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="config", tag_field="type"):
    """A configuration was judged."""

    target: str
    """The function, or the template."""
    sources: tuple[str, ...]
    resources: int = 0


Subject = RunSubject | LogSubject | ConfigSubject


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was read, so that it can be judged again."""

    path: str = ""
    sha256: str = ""
    plan_sha256: str = ""
    """Digest of the plan of a run."""
    problem: str = ""
    """What in it is not as it was recorded: said whatever the verdict is."""


class Case(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a producer hands over."""

    subject: Subject
    results: tuple[CheckResult, ...]
    """Of every check, in the order in which findings are told."""
    findings: tuple[Finding, ...]
    evidence: Evidence
    doubts: tuple[str, ...] = ()
    """Why a case without findings would be no pass."""
    not_established: tuple[str, ...] = ()
    """What a pass does not say."""
    remarks: tuple[str, ...] = ()
    tenants: tuple[TenantSummary, ...] = ()
    timeline: Timeline | None = None
    """What happened when, for pictures."""
    source: Source = Source()
    strict: bool = False
    """Weaknesses fail it."""
    unable: bool = False
    """The tool could not do its work: nothing was learnt."""
    tool: str = ""
    """Version of this program."""
    change: Change | None = None
    """Since an earlier report, where one was named."""
    anchor: str = ""
    """File that stands for what has no place in one, where a report needs such a place."""


class Verdict(Case, frozen=True, kw_only=True, omit_defaults=True):
    """The one result: a case, and what was concluded from it. Every report is a pure function of it."""

    outcome: Outcome
    reasons: tuple[str, ...]

    @property
    def run(self) -> RunSubject:
        """The run that was judged. Raises `TypeError` where logs or a configuration were."""
        if not isinstance(self.subject, RunSubject):
            raise TypeError("this is no verdict on a run")
        return self.subject

    @property
    def figure(self) -> Randomised | None:
        """The evidence, where it stands on orders that were drawn."""
        return self.evidence if isinstance(self.evidence, Randomised) else None

    def raise_for_breach(self) -> None:
        """Raise `IsolationBreachedError`, with the smallest counterexample in its message, where isolation was
        breached."""
        breaches = [finding for finding in self.findings if finding.severity == "breach"]
        if not breaches:
            return
        first = breaches[0]
        lines = [f"{self.subject.target}: {self.reasons[0]}", *(f"  {exhibit}" for exhibit in first.exhibits)]
        if isinstance(self.subject, RunSubject) and self.source.path:
            lines.append(f"  tenantcheck check {self.source.path}")
        raise IsolationBreachedError("\n".join(lines))
