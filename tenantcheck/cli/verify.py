"""`tenantcheck verify STATEMENT --history FILE`"""

from __future__ import annotations

from pathlib import Path

import click

from tenantcheck.api import judged_again
from tenantcheck.cli.changes import with_accepted
from tenantcheck.cli.options import in_group
from tenantcheck.cli.output import exit_code, worst
from tenantcheck.cli.root import Command, examples
from tenantcheck.cli.say import say, whole_stdout
from tenantcheck.errors import UsageError
from tenantcheck.files import read_file
from tenantcheck.model.text import printable
from tenantcheck.reports.intoto import MAX_BYTES, accepted_by, differences, judged_with, read_statement
from tenantcheck.reports.sentences import verdict_word


@click.command(
    "verify",
    cls=Command,
    epilog=examples(
        "tenantcheck verify statement.json --history history.jsonl",
        "tenantcheck verify bundle.json --history history.jsonl",
    ),
)
@click.argument("statement", type=click.Path(dir_okay=False, path_type=Path))
@in_group("Target")(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The history that the statement is about.",
)
def command(statement: Path, history: Path) -> int:
    """Hold an in-toto STATEMENT against the history it is about.

    The history is judged again, the way the statement says, and by the settings of the run itself, should these be
    others. Exits as check does where statement and history agree (the worse verdict counts), and with 3 where they
    differ. A signature is not looked at: cosign, or your CI, does that.
    """
    try:
        stated = read_statement(read_file(statement, MAX_BYTES))
    except OSError as error:
        raise UsageError(f"{statement}: {error.strerror}", "Name the file of the statement.") from error
    accepted = accepted_by(stated)
    verdict = with_accepted(judged_again(history, **judged_with(stated)), accepted)
    own = with_accepted(judged_again(history), accepted)
    found = [*differences(stated, verdict)]
    with whole_stdout() as stdout:
        if found:
            stdout.write("DIFFERS: the statement does not say what the history does\n")
            stdout.writelines(f"  {printable(each)}\n" for each in found)
        else:
            stdout.write(f"AGREES: {verdict_word(verdict)}, {printable(verdict.reasons[0], 400)}\n")
            told = [f"{printable(mark)}, {printable(why, 400)}" for mark, why in sorted(accepted.items())]
            stdout.writelines(f"  Accepted: {each}\n" for each in told)
            if own.outcome != verdict.outcome:
                stdout.write(f"  By the settings of the run: {verdict_word(own)}, {printable(own.reasons[0], 400)}\n")
    if found:
        say(f"the history itself: {verdict_word(own)}")
        return 3
    return worst(exit_code(verdict), exit_code(own))
