"""What a person reads, as headings, paragraphs and tables; the renderers only set them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tenantcheck.model import (
    STRATA,
    ConfigSubject,
    Configured,
    Evidence,
    Examined,
    Exhibit,
    Finding,
    LogSubject,
    Observed,
    Randomised,
    RunSubject,
    Seen,
    TenantSummary,
    Verdict,
)
from tenantcheck.model.text import chance, printable, shown_id
from tenantcheck.reports.sentences import (
    change_sentence,
    coverage,
    evidence_sentence,
    finding_sentence,
    many,
    range_sentence,
    strata_sentences,
    verdict_word,
)
from tenantcheck.reports.shell import command_line

#: Findings written out; the JSON report has all that are kept.
SHOWN_FINDINGS = 5
#: Tenants with a row of their own.
SHOWN_TENANTS = 12


class Table(NamedTuple):
    """Rows under column headings; columns named in `numeric` are set flush right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()


class Block(NamedTuple):
    """A heading with lines and perhaps a table below it."""

    heading: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    commands: tuple[str, ...] = ()
    """Shell commands, never broken over lines."""


def headline(verdict: Verdict) -> str:
    """The verdict in one line."""
    word = verdict_word(verdict)
    if verdict.outcome == "pass" and isinstance(verdict.subject, RunSubject):
        word = f"{word} ({coverage(verdict.subject)})"
    return f"{word}: {printable(verdict.reasons[0], 400)}"


def blocks(verdict: Verdict) -> Iterator[Block]:
    """The whole report below the headline."""
    yield _subject(verdict)
    if verdict.outcome == "pass":
        yield _limits(verdict)
    if len(verdict.reasons) > 1:
        yield Block("Also", tuple(printable(reason, 400) for reason in verdict.reasons[1:]))
    yield from changes(verdict)
    yield from _findings(verdict)
    subject = verdict.subject
    if verdict.outcome == "inconclusive" and isinstance(subject, RunSubject) and not subject.environments:
        yield from _remarks(verdict)
        yield _record(verdict)
        return
    if not (verdict.outcome == "pass" and isinstance(verdict.evidence, Examined)):  # a pass has said all of it
        yield _evidence(verdict)
    if verdict.tenants:
        yield _tenants(verdict)
    yield _checks(verdict)
    yield Block("Not established", tuple(f"- {printable(line, 400)}" for line in verdict.not_established))
    yield from _remarks(verdict)
    yield _record(verdict)


def details(verdict: Verdict) -> Iterator[Block]:
    """What stands below the pictures of a page: evidence, tenants, checks, remarks."""
    yield _evidence(verdict)
    if verdict.tenants:
        yield Block("Tenants and their latency", table=_latencies(verdict))
    yield _checks(verdict)
    yield from _remarks(verdict)


def changes(verdict: Verdict) -> Iterator[Block]:
    """What changed since an earlier report, where one was named."""
    change = verdict.change
    if change is None:
        return
    new = [finding for finding in verdict.findings if finding.fingerprint in change.new]
    lines = [
        f"The verdict was {change.before}. {change_sentence(change)}",
        *(f"new: {finding.check}: {finding_sentence(finding)}" for finding in new[:SHOWN_FINDINGS]),
        *(f"gone: {printable(gone, 400)}" for gone in change.gone[:SHOWN_FINDINGS]),
        *(f"not looked for: {printable(each, 400)}" for each in change.unlooked[:SHOWN_FINDINGS]),
    ]
    left = len(new[SHOWN_FINDINGS:]) + len((*change.gone[SHOWN_FINDINGS:], *change.unlooked[SHOWN_FINDINGS:]))
    if left:
        lines.append(f"{left} more; the JSON report lists them.")
    yield Block(f"Since {printable(change.baseline)}", tuple(lines))


def finding_block(finding: Finding) -> Block:
    """One finding, without what to do about it."""
    return _finding(finding, "")


def _latencies(verdict: Verdict) -> Table:
    """Every tenant, newcomers too."""
    columns = ("tenant", "environments", "invocations", "cold starts", "median ms", "cold start median ms", "max ms")
    rows = tuple(
        (
            shown_id(tenant.tenant) + (" (newcomer)" if tenant.newcomer else ""),
            str(tenant.environments),
            str(tenant.invocations),
            str(tenant.cold_starts),
            _milliseconds(tenant.p50_ms),
            _milliseconds(tenant.cold_p50_ms),
            _milliseconds(tenant.max_ms),
        )
        for tenant in verdict.tenants
    )
    return Table(columns, rows, frozenset(range(1, 7)))


def _remarks(verdict: Verdict) -> Iterator[Block]:
    if verdict.remarks:
        yield Block("Remarks", tuple(f"- {printable(line, 400)}" for line in verdict.remarks))


def _subject(verdict: Verdict) -> Block:
    subject = verdict.subject
    if not isinstance(subject, RunSubject):
        return _read(subject)
    lines = [
        f"{subject.kind} {printable(subject.target)}",
        f"{subject.plan} plan: {many(subject.requests, 'request')} in {many(subject.waves, 'wave')}, "
        f"{many(subject.environments, 'environment')}, {subject.duration_s:.1f} s",
    ]
    control = None if isinstance(verdict.evidence, Observed | Examined) else verdict.evidence.control
    if control is not None and control.caught_by:
        lines.append(
            f"control {printable(control.target)}: a function without isolation was caught after "
            f"{many(control.requests, 'request')}"
        )
    odd = {kind: count for kind, count in sorted(subject.outcomes.items()) if kind != "served"}
    if odd:
        lines.append("other outcomes: " + ", ".join(f"{count} {kind}" for kind, count in odd.items()))
    return Block("Run", tuple(lines))


def _read(subject: LogSubject | ConfigSubject) -> Block:
    """What was read, where nothing was sent."""
    lines = [printable(subject.target), f"read: {', '.join(printable(source) for source in subject.sources)}"]
    if isinstance(subject, LogSubject):
        groups = f" in {many(subject.groups, 'log group')}" if subject.groups else ""
        lines.append(f"{many(subject.streams, 'log stream')}{groups}")
        if subject.since or subject.until:
            lines.append(
                f"from {printable(subject.since) or 'the first'} to {printable(subject.until) or 'the last'}"
            )
        return Block("Logs", tuple(lines))
    return Block("Configuration", (*lines, many(subject.resources, "resource")))


def _limits(verdict: Verdict) -> Block:
    """What a pass does not say, where nobody can miss it."""
    lines = [*_worth(verdict.evidence)]
    if isinstance(verdict.subject, RunSubject) and verdict.subject.not_covered:
        lines.append(f"Not looked for: {', '.join(verdict.subject.not_covered)}.")
    lines.append(
        "It says nothing about data stores, caches or the role that tenants share; more under Not established."
    )
    return Block("What this pass says", tuple(lines))


def _evidence(verdict: Verdict) -> Block:
    evidence = verdict.evidence
    if any(finding.severity == "breach" for finding in verdict.findings):
        far = (
            []
            if isinstance(evidence, Observed | Examined) or evidence.range is None
            else [range_sentence(evidence.range)]
        )
        return Block("Evidence", ("A breach was seen, so what a clean run would be worth has no meaning.", *far))
    lines = [] if verdict.outcome == "pass" else [*_worth(evidence)]  # a pass has said so already
    if isinstance(evidence, Observed):
        lines += [f"- {printable(gap, 400)}" for gap in evidence.gaps]
    if not isinstance(evidence, Randomised):
        return Block("Evidence", tuple(lines))
    pair = " and ".join(shown_id(name) for name in evidence.weakest_pair.tenants)
    lines.append(
        f"Weakest pair {pair}: {chance(evidence.weakest_pair.probability)} "
        f"(target {evidence.significance:g}). All tenants together: "
        f"{chance(evidence.all_tenants.probability)}. Counted by {evidence.field}."
    )
    crossed = any(figure.crossed for figure in evidence.strata.values())
    if evidence.needed_requests is not None and not crossed:
        lines.append(
            f"About {evidence.needed_requests} more requests per tenant would reach the target, with no answer lost."
        )
    lines += strata_sentences(evidence)
    columns = ("requests", "opportunities", "tenant pairs", "crossed", "excluded rate")
    rows = tuple(
        (
            name,
            str(figure.opportunities),
            f"{figure.pairs} of {figure.pairs_total}",
            str(figure.crossed),
            "-" if figure.bound_95 is None else f"{figure.bound_95:.2g}",
        )
        for name in STRATA
        if (figure := evidence.strata.get(name)) is not None
    )
    return Block("Evidence", tuple(lines), Table(columns, rows, frozenset({1, 2, 3, 4})) if rows else None)


def _worth(evidence: Evidence) -> Iterator[str]:
    """What a clean case is worth, and how far it went."""
    yield evidence_sentence(evidence)
    if not isinstance(evidence, Observed | Examined) and evidence.range is not None:
        yield range_sentence(evidence.range)


def _tenants(verdict: Verdict) -> Block:
    if isinstance(verdict.subject, LogSubject):
        return _logged_tenants(verdict.tenants)
    tenants = [tenant for tenant in verdict.tenants if not tenant.newcomer]
    newcomers = [tenant for tenant in verdict.tenants if tenant.newcomer]
    rows: list[tuple[str, ...]] = [
        (
            shown_id(tenant.tenant),
            str(tenant.environments),
            str(tenant.invocations),
            str(tenant.cold_starts),
            _milliseconds(tenant.p50_ms),
            _milliseconds(tenant.max_ms),
        )
        for tenant in tenants[:SHOWN_TENANTS]
    ]
    if more := tenants[SHOWN_TENANTS:]:
        rows.append(_together(f"({len(more)} more)", more))
    if newcomers:
        rows.append(_together(f"({many(len(newcomers), 'newcomer')})", newcomers))
    columns = ("tenant", "environments", "invocations", "cold starts", "median ms", "max ms")
    return Block("Tenants", table=Table(columns, tuple(rows), frozenset({1, 2, 3, 4, 5})))


def _logged_tenants(tenants: Sequence[TenantSummary]) -> Block:
    """What logs tell of tenants; nobody waited for answers."""
    shown = [
        (shown_id(each.tenant), str(each.environments), str(each.invocations)) for each in tenants[:SHOWN_TENANTS]
    ]
    if more := tenants[SHOWN_TENANTS:]:
        environments, invocations = sum(each.environments for each in more), sum(each.invocations for each in more)
        shown.append((f"({len(more)} more)", str(environments), str(invocations)))
    return Block("Tenants", table=Table(("tenant", "environments", "invocations"), tuple(shown), frozenset({1, 2})))


def _together(name: str, tenants: Sequence[TenantSummary]) -> tuple[str, ...]:
    """One row for several tenants."""
    slowest = max((tenant.max_ms for tenant in tenants if tenant.max_ms is not None), default=None)
    return (
        name,
        str(sum(tenant.environments for tenant in tenants)),
        str(sum(tenant.invocations for tenant in tenants)),
        str(sum(tenant.cold_starts for tenant in tenants)),
        _milliseconds(None),
        _milliseconds(slowest),
    )


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _checks(verdict: Verdict) -> Block:
    rows = tuple(
        (
            check.id,
            check.status if not check.findings else f"{check.status} ({check.findings})",
            str(check.opportunities),
            printable(check.reason or check.summary, 200),
        )
        for check in verdict.results
        if check.status != "left-out"
    )
    return Block("Checks", table=Table(("check", "status", "opportunities", "clean means"), rows, frozenset({2})))


def _findings(verdict: Verdict) -> Iterator[Block]:
    shown: dict[str, int] = {}
    left = 0
    for finding in verdict.findings:
        shown[finding.check] = shown.get(finding.check, 0) + 1
        if shown[finding.check] > 1 or len(shown) > SHOWN_FINDINGS:
            left += 1
            continue
        yield _finding(finding, next((result.help for result in verdict.results if result.id == finding.check), ""))
    if left:
        yield Block("More findings", (f"{left} more like these; the JSON report lists them.",))


def _finding(finding: Finding, remedy: str) -> Block:
    lines = (
        finding_sentence(finding),
        *((f"Accepted: {printable(finding.accepted, 400)}",) if finding.accepted else ()),
        *((f"What to do: {remedy}",) if remedy else ()),
        *(_where(exhibit) for exhibit in finding.exhibits),
        *_remedies(finding.exhibits),
    )
    rows = tuple(_exhibit(exhibit) for exhibit in finding.exhibits if isinstance(exhibit, Seen))
    columns = ("request", "tenant", "handler saw", "count", "sent at", "ended at")
    return Block(
        f"{finding.severity}: {finding.check}",
        lines,
        Table(columns, rows, frozenset({0, 3, 4, 5})) if rows else None,
        tuple(_repeats(finding.exhibits)),
    )


def finding_text(finding: Finding) -> str:
    """A finding with what it stands on and how to see it again, line by line."""
    return "\n".join((finding_sentence(finding), *map(str, finding.exhibits), *_repeats(finding.exhibits)))


def _exhibit(exhibit: Seen) -> tuple[str, ...]:
    return (
        f"#{exhibit.seq}",
        shown_id(exhibit.tenant if exhibit.tenant is not None else "(none)"),
        shown_id(exhibit.handler_saw or "-"),
        str(exhibit.count) if exhibit.count is not None else "-",
        _seconds(exhibit.call_ns),
        _seconds(exhibit.end_ns),
    )


def _where(exhibit: Exhibit) -> str:
    """Who answered a request, as far as the answer says; else where the exhibit stands."""
    if not isinstance(exhibit, Seen):
        return str(exhibit)
    parts = [f"environment {printable(exhibit.environment, 80)}"] if exhibit.environment else []
    parts += [f"{name} {printable(value, 80)}" for name, value in exhibit.request_ids.items()]
    return f"#{exhibit.seq}: {', '.join(parts) or 'no trace of who answered'}"


def _seconds(nanoseconds: int | None) -> str:
    return "-" if nanoseconds is None else f"{nanoseconds / 1e9:.3f} s"


def _repeats(exhibits: Sequence[Exhibit]) -> Iterable[str]:
    for exhibit in exhibits:
        if isinstance(exhibit, Seen) and exhibit.repeat is not None:
            yield command_line(exhibit.repeat)


def _remedies(exhibits: Sequence[Exhibit]) -> Iterable[str]:
    for exhibit in exhibits:
        if isinstance(exhibit, Configured):
            yield from (f"{tool}: {printable(remedy, 400)}" for tool, remedy in exhibit.remedies.items())


def _record(verdict: Verdict) -> Block:
    subject = verdict.subject
    lines = []
    if isinstance(subject, RunSubject):
        lines.append(f"seed {printable(subject.seed)}, run {printable(subject.run)}, ended: {subject.ended}")
    if verdict.source.path:
        what = "history" if isinstance(subject, RunSubject) else "source"
        lines.append(f"{what} {printable(verdict.source.path)}")
    if verdict.source.sha256:
        lines.append(f"sha256 {verdict.source.sha256}")
    return Block("Record", tuple(lines))
