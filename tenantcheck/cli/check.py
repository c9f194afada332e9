"""`tenantcheck check HISTORY`"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from tenantcheck.cli.files import open_file
from tenantcheck.cli.options import chosen_checks, judging_options, parse_reports, report_options
from tenantcheck.cli.output import show
from tenantcheck.cli.root import Command, Common
from tenantcheck.errors import HistoryError, TenantcheckError, UsageError
from tenantcheck.history import HistoryReader
from tenantcheck.judge import Judge
from tenantcheck.model import Header, Verdict
from tenantcheck.run.redraw import Redraw


@click.command("check", cls=Command)
@click.argument("history", type=click.Path(dir_okay=False, path_type=Path))
@judging_options()
@report_options()
@click.pass_obj
def command(
    common: Common,
    history: Path,
    significance: float | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    strict: bool,
    format: str | None,  # noqa: A002 - named as the option
    report: tuple[str, ...],
) -> int:
    """Judge the recorded HISTORY again, on any machine, without AWS.

    Without options the verdict is the one of the run itself.
    """
    files = parse_reports(report)
    changes: dict[str, object] = {}
    if only or skip:
        changes["checks"], changes["requested"] = chosen_checks(only, skip)
    if significance is not None:
        changes["significance"] = significance
    if strict:
        changes["strict"] = True
    return show(judge_file(history, changes), common, format, files)


def judge_file(path: Path, changes: dict[str, object]) -> Verdict:
    """The verdict on a history file, its plan changed as told. Raises `UsageError`, `HistoryError`."""
    try:
        with open_file(path) as file:
            reader = HistoryReader(file)
            header: Header = msgspec.structs.replace(
                reader.header, plan=msgspec.structs.replace(reader.header.plan, **changes)
            )
            judge, redraw = Judge(header.plan), Redraw(reader.header.plan)
            for wave in reader.waves():
                judge.add(wave)
                redraw.add(wave)
            end = reader.end
            return judge.verdict(
                header,
                end,
                history=str(path),
                sha256=reader.sha256,
                torn=reader.torn,
                altered=redraw.ended(end.reason if end is not None else None),
            )
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "Name a history file.") from error
    except HistoryError as error:
        raise TenantcheckError(f"{path}, {error.message}", error.hint) from error
