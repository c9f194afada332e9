"""`lint`: templates and plans, before they are deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from tenantcheck.config.description import Description
from tenantcheck.config.judge import RULE_IDS, About, chosen, judged
from tenantcheck.config.sources.files import Read, read
from tenantcheck.config.values import mapping_of, text_of
from tenantcheck.errors import UsageError
from tenantcheck.model import Verdict


@dataclass(frozen=True, kw_only=True)
class LintSettings:
    """What to read, and how to judge it."""

    paths: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values of parameters, instead of their defaults."""
    expect: frozenset[str] = frozenset()
    """Functions that should be isolated; `*` means all."""
    tenant_count: int | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    strict: bool = False
    today: date | None = None


def lint(settings: LintSettings) -> Verdict:
    """The verdict on templates. Raises `UsageError`."""
    chosen(settings.only, settings.skip)
    if not settings.paths:
        raise UsageError("no template was named", "Name files or folders: tenantcheck lint template.yaml")
    told = read(settings.paths, settings.parameters)
    descriptions = [description for _, description in told.templates]
    for description in descriptions:
        description.expected = settings.expect
        description.tenants = settings.tenant_count
    told.doubts += _missing(settings.expect, descriptions)
    if told.assumed:
        names = ", ".join(sorted(told.assumed))
        told.remarks.append(f"judged with the defaults of {names}; other values: --parameter NAME=VALUE")
    accepted, problems = _acceptances(told, settings.today or datetime.now(UTC).date())
    about = About(
        target=settings.paths[0] if len(settings.paths) == 1 else f"{len(settings.paths)} paths",
        sources=tuple(file for file, _ in told.templates),
        only=settings.only,
        skip=settings.skip,
        strict=settings.strict,
        doubts=(*told.doubts, *problems),
        remarks=tuple(told.remarks),
        accepted=accepted,
        path=settings.paths[0] if len(told.templates) == 1 else "",
        sha256=told.digest,
    )
    return judged(descriptions, about)


def _missing(names: frozenset[str], descriptions: list[Description]) -> list[str]:
    """Functions that somebody expects, and that are nowhere."""
    known = {name for each in descriptions for one in each.functions for name in (one.resource, text_of(one.name))}
    return [f"no template has a function {name}" for name in sorted(names - known - {"*"})]


def _acceptances(told: Read, today: date) -> tuple[dict[tuple[str, str, str], str], list[str]]:
    """What templates accept, in the Metadata of a resource, and what is wrong with it."""
    accepted: dict[tuple[str, str, str], str] = {}
    problems = []
    for key, entries in told.accepted.items():
        file, _, resource = key.partition("\0")
        for entry in entries:
            known = mapping_of(entry)
            rule, reason, until = (text_of(known.get(name)) for name in ("rule", "reason", "until"))
            where = f"{file}, line {entry.place.line}"
            try:
                last = date.fromisoformat(until or "")
            except ValueError:
                last = None
            if rule not in RULE_IDS or not reason or last is None:
                problems.append(f"{where}: an acceptance has rule, reason and until (a date, such as 2027-01-31)")
            elif last < today:
                problems.append(f"{where}: {rule} was accepted until {last}: look at it again")
            else:
                accepted[file, resource, rule] = f"{reason[:400]} (until {last})"
    return accepted, problems
