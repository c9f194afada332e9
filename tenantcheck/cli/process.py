"""One command as a process: its signals, its standard streams, and the exit code of whatever goes wrong."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from tenantcheck.cli.interrupts import EXIT_CODE, interrupts
from tenantcheck.cli.say import open_standard_streams, say, settle_standard_streams
from tenantcheck.run.interruption import BrokenOff

if TYPE_CHECKING:
    import click


def run_command() -> int:
    """Run the command that `sys.argv` names. Returns the exit code."""
    interrupts.install()
    open_standard_streams()
    try:
        code = _command()
    except BrokenOff:
        say("interrupted")
        code = EXIT_CODE
    interrupts.ignore()
    settle_standard_streams()
    return code


def _command() -> int:
    import click

    from tenantcheck.cli.root import cli
    from tenantcheck.errors import TenantcheckError

    try:
        code = cli.main(prog_name="tenantcheck", standalone_mode=False, auto_envvar_prefix="TENANTCHECK")
    except click.exceptions.Abort:
        raise BrokenOff from None
    except click.UsageError as error:
        say(_usage(error))
        return 2
    except click.ClickException as error:
        say(f"error: {error.format_message()}")
        return 1
    except TenantcheckError as error:
        if "--debug" in sys.argv:
            raise
        say(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
        return error.exit_code
    except OSError as error:
        if "--debug" in sys.argv:
            raise
        _say_what_the_system_refused(error)
        return 1
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        say(f"error: {type(error).__name__} in {_place(error)}")
        say("  This is a bug in tenantcheck; run again with --debug and report the traceback.")
        return 1
    return code if isinstance(code, int) else 0


def _usage(error: click.UsageError) -> str:
    """What is wrong with the command line, as click has it."""
    import click

    message = error.format_message()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return message
    lines = []
    if error.ctx is not None:
        lines = [error.ctx.get_usage(), f"Try '{error.ctx.command_path} --help' for help.", ""]
    return "\n".join([*lines, "Error: " + re.sub(r"(,?)\n\t", r"\1 ", message)])


def _say_what_the_system_refused(error: OSError) -> None:
    import errno

    if isinstance(error, BrokenPipeError):
        return  # whoever read the output has gone
    say(f"error: {error.strerror or type(error).__name__}")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        say("  Allow more file descriptors: ulimit -n 4096")
    elif error.errno == errno.ENOSPC:
        say("  Make room, or write elsewhere.")


def _place(error: Exception) -> str:
    """Module and line where an error was raised: its text may quote anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}" if trace is not None else "?"
