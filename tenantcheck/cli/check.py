"""`tenantcheck check HISTORY`"""

from __future__ import annotations

from pathlib import Path

import click

from tenantcheck.api import judged_again
from tenantcheck.cli.options import judging_options, parse_reports, report_options
from tenantcheck.cli.output import show
from tenantcheck.cli.root import Command, Common


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
    verdict = judged_again(history, significance=significance, only=only, skip=skip, strict=strict)
    return show(verdict, common, format, files)
