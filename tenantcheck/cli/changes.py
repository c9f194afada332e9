"""What changed since an earlier report, and findings that somebody has accepted for a time."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, structs

from tenantcheck.errors import UsageError
from tenantcheck.files import read_file
from tenantcheck.model import Case, Change, Verdict
from tenantcheck.model.text import printable
from tenantcheck.reports.json_report import SCHEMA, JsonReport
from tenantcheck.verdict import conclude
from tenantcheck.verdict import with_accepted as accept

MAX_BYTES = 64 << 20
_MAX_TOML_BYTES = 1 << 20


class Acceptance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One finding that is accepted: which one, why, and until when."""

    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    reason: Annotated[str, Meta(min_length=1, max_length=400)]
    until: date


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    accepted: tuple[Acceptance, ...] = ()


def read_baseline(path: Path) -> JsonReport:
    """An earlier JSON report. Raises `UsageError` for anything else."""
    hint = "Write one: tenantcheck check HISTORY --report json=FILE"
    content = _content(path, MAX_BYTES, "--baseline")
    try:
        named = msgspec.json.decode(content)
        if not isinstance(named, dict) or named.get("schema") != SCHEMA:
            raise UsageError(f"--baseline {path}: not a report of the schema {SCHEMA}", hint)
        return msgspec.json.decode(content, type=JsonReport)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"--baseline {path}: not a JSON report of tenantcheck", hint) from error


def read_accepted(path: Path, today: date | None = None) -> Mapping[str, str]:
    """Why findings are accepted, and until when, by fingerprint. Raises `UsageError` for a file that can't be read,
    and for one with an entry whose time is over: nothing is accepted by mistake."""
    hint = "Each [[accepted]] has fingerprint, reason and until (a date, such as 2027-01-31)."
    try:
        document = tomllib.loads(_content(path, _MAX_TOML_BYTES, "--accepted").decode())
        entries = msgspec.convert(document, _File).accepted
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"--accepted {path}: {printable(' '.join(str(error).split()), 200)}", hint) from error
    today = today or datetime.now(UTC).date()
    for entry in entries:
        if entry.until < today:
            raise UsageError(
                f"--accepted {path}: {entry.fingerprint} was accepted until {entry.until}",
                "Look at it again: renew it, or take it out.",
            )
    if len({entry.fingerprint for entry in entries}) < len(entries):
        raise UsageError(f"--accepted {path}: a fingerprint stands in it twice", "Keep one of them.")
    return {entry.fingerprint: f"{entry.reason} (until {entry.until})" for entry in entries}


def _content(path: Path, limit: int, option: str) -> bytes:
    try:
        content = read_file(path, limit)
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}", "Name a readable file.") from error
    if len(content) > limit:
        raise UsageError(f"{option} {path}: larger than {limit >> 20} MiB")
    return content


def with_accepted(verdict: Verdict, accepted: Mapping[str, str]) -> Verdict:
    """The verdict with these findings accepted, concluded again; `accepted` says why, by fingerprint. Only weaknesses
    can be, and whatever a configuration says: a breach and an open question of a run are no pass, whoever accepts
    them."""
    if not accepted:
        return verdict
    known = {name: getattr(verdict, name) for name in Case.__struct_fields__}
    case = accept(Case(**known), accepted)
    found = {finding.fingerprint: finding.severity for finding in case.findings}
    remarks = [
        f"{mark} was accepted, and is {_SEVERITIES[found[mark]] if mark in found else 'not found any more'}"
        for mark in accepted
        if found.get(mark) != "weakness"
    ]
    return conclude(structs.replace(case, remarks=(*verdict.remarks, *remarks)))


_SEVERITIES = {"breach": "a breach, which can't be", "open": "an open question, which can't be"}


def with_change(verdict: Verdict, baseline: JsonReport, name: str) -> Verdict:
    """The verdict with what is new, gone and as before since the baseline. A finding is gone where its check looked
    for it again; a report on another target is no baseline."""
    target = baseline.subject.target
    if target != verdict.subject.target:
        told = f"the baseline {name} is a report on {printable(target, 200)}: nothing was compared with it"
        return structs.replace(verdict, remarks=(*verdict.remarks, told))
    before = {finding.fingerprint: finding for finding in baseline.findings}
    now = {finding.fingerprint for finding in verdict.findings}
    looked = {result.id for result in verdict.results if result.status in _LOOKED}
    lost = [finding for mark, finding in before.items() if mark not in now]
    change = Change(
        baseline=name,
        before=baseline.verdict,
        new=tuple(finding.fingerprint for finding in verdict.findings if finding.fingerprint not in before),
        still=tuple(finding.fingerprint for finding in verdict.findings if finding.fingerprint in before),
        gone=tuple(f"{each.check}: {each.sentence}" for each in lost if each.check in looked),
        unlooked=tuple(f"{each.check}: {each.sentence}" for each in lost if each.check not in looked),
    )
    return structs.replace(verdict, change=change)


#: How a check ends that had the opportunity to find what it found before.
_LOOKED = frozenset({"clean", "weak", "breached", "open"})
