"""`tenantcheck check HISTORY…`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tenantcheck.api import judged_again
from tenantcheck.cli.options import judging_options, split
from tenantcheck.cli.output import exit_code, show, worst
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.say import say, whole_stdout
from tenantcheck.cli.wanted import Wanted, report_options, wanted_reports
from tenantcheck.errors import UsageError
from tenantcheck.history import is_control, newest
from tenantcheck.model import Verdict


@click.command(
    "check",
    cls=Command,
    epilog=examples(
        "tenantcheck check .tenantcheck/*.jsonl",
        "tenantcheck check history.jsonl --significance 1e-9 --report report.html",
    ),
)
@click.argument("history", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), nargs=-1)
@judging_options()
@report_options()
@click.pass_obj
def command(common: Common, /, history: tuple[Path, ...], **given: Any) -> int:
    """Judge the recorded HISTORY again, on any machine, without AWS.

    HISTORY is a file, - for standard input, or the newest in .tenantcheck/ where none is named. Without options the
    verdict is the one of the run itself. Of several histories a table is shown, and the worst verdict counts.
    """
    wanted = wanted_reports(given)
    given |= {name: split(given[name]) for name in ("only", "skip")}
    if len(history) > 1:
        return _several(history, wanted, given)
    if not history:
        history = (newest(),)
        say(f"the newest history: {history[0]}")
    return show(_judged(history[0], given), common, wanted)


def _judged(history: Path, given: dict[str, Any]) -> Verdict:
    return judged_again(Path("/dev/stdin") if str(history) == "-" else history, **given)


def _several(histories: tuple[Path, ...], wanted: Wanted, given: dict[str, Any]) -> int:
    """A table of the verdicts. Raises `UsageError` for a report, which is one of one history."""
    from tenantcheck.reports.several import table_of

    if wanted.files or wanted.baseline or wanted.on_stdout not in (None, "plain", "text"):
        raise UsageError(
            "a report is one of one history", "Name one, or leave --report, --format and --baseline out."
        )
    controls = [history for history in histories if is_control(history)]
    if controls:
        say(f"{len(controls)} left out: functions without isolation, asked as a control")
    verdicts = {str(each): wanted.of(_judged(each, given)) for each in histories if each not in controls}
    if not verdicts:
        raise UsageError("there is no history among these but those of controls", "Name one of a run.")
    with whole_stdout() as stdout:
        stdout.write(table_of(verdicts))
    return worst(*(exit_code(verdict) for verdict in verdicts.values()))
