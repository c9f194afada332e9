"""`tenantcheck check HISTORY`"""

from __future__ import annotations

from pathlib import Path

import click

from tenantcheck.api import judged_again
from tenantcheck.cli.options import judging_options, parse_reports, report_options, split
from tenantcheck.cli.output import show
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.say import say
from tenantcheck.history import newest


@click.command(
    "check",
    cls=Command,
    epilog=examples(
        "tenantcheck check",
        "tenantcheck check history.jsonl --significance 1e-9 --format json",
    ),
)
@click.argument("history", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), required=False)
@judging_options()
@report_options()
@click.pass_obj
def command(
    common: Common,
    history: Path | None,
    significance: float | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    strict: bool,
    format: str | None,  # noqa: A002 - named as the option
    report: tuple[str, ...],
) -> int:
    """Judge the recorded HISTORY again, on any machine, without AWS.

    HISTORY is a file, - for standard input, or the newest in .tenantcheck/ where none is named. Without options the
    verdict is the one of the run itself.
    """
    files = parse_reports(report)
    if history is None:
        history = newest()
        say(f"the newest history: {history}")
    path = Path("/dev/stdin") if str(history) == "-" else history
    verdict = judged_again(path, significance=significance, only=split(only), skip=split(skip), strict=strict)
    return show(verdict, common, format, files)
