"""`log-gap`: what is missing in the logs, so that a clean result is no proof."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.logs.facts import Facts, Gap, exhibit
from tenantcheck.logs.rows import GAPS, GapKind
from tenantcheck.logs.rules.rule import LogRule, finding
from tenantcheck.model import Finding

#: What each gap means, with its size; `{count}` times in `{streams}` streams.
MEANS: dict[GapKind, str] = {
    "text-format": "{count} invocations in {streams} streams are in text format, which names no tenant: set JSON.",
    "mixed-format": "{count} starts in {streams} streams are in text format, beside others in JSON: whose are these?",
    "no-start-of-report": "{count} invocations in {streams} streams have a report and no start: lines are missing.",
    "no-tenant-in-report": "{count} reports in {streams} streams have no start and name no tenant.",
    "masked-tenant": "{count} tenant ids in {streams} streams are masked by a data protection policy (--unmask).",
    "invalid-tenant": "{count} tenant ids in {streams} streams are outside Lambda's pattern: something changed them.",
    "unreadable-line": "{count} records in {streams} streams or files can't be read: they are cut, or changed.",
    "duplicate-key": "{count} starts in {streams} streams have a key twice: which one counts is not known.",
    "long-line": "{count} lines in {streams} streams are longer than an event can be, and were left out.",
    "logs-dropped": "{count} times the platform says that it dropped records, in {streams} streams.",
    "other-stream": "{count} streams lie in a folder of another name than their own.",
    "no-stream": "{streams} files do not say which log stream they come from: nothing tells environments apart "
    "there.",
    "no-start": "{streams} streams or files hold no platform.start: the level is above INFO, or they are no such "
    "logs.",
    "unread-file": "{streams} files or folders could not be opened.",
    "cut-file": "{streams} files are cut, or damaged, or not what they seem to be.",
    "bomb": "{streams} files unpack to far more than logs do; they were not read to their end.",
    "cut-result": "{streams} results are only a part: more was there (nextToken, or a row limit). Read all of it.",
    "not-logs": "{count} records in {streams} files are no logs.",
}


def run(facts: Facts) -> Judged:
    """One finding for each kind of gap."""
    known = [(kind, facts.gaps[kind]) for kind in GAPS if kind in facts.gaps]
    return Judged([_finding(kind, gap) for kind, gap in known], facts.streams, unexercised="nothing was read")


def _finding(kind: GapKind, gap: Gap) -> Finding:
    first = gap.first
    return finding(
        "log-gap",
        "open",
        None,
        says=MEANS[kind],
        exhibits=(exhibit(first, first.low),) if first is not None else (),
        details={"count": gap.count, "streams": gap.streams},
        stable=(kind,),
    )


RULE = LogRule(
    id="log-gap",
    summary="nothing is missing in the logs",
    needs="whole logs in JSON format, at level INFO or DEBUG",
    run=run,
    help=(
        "A part of the logs can't tell whom it ran for, or is not there, so a clean result would not mean that "
        "nothing "
        "happened. Logs need JSON format and the system log level INFO (aws lambda update-function-configuration "
        "--logging-config LogFormat=JSON,SystemLogLevel=INFO), and have to be read whole, as they were written: "
        "no masks, "
        "no filters, no limits, and with the name of each stream."
    ),
)
