"""The `tenantcheck` group: options of every command, and commands that are imported when used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import click

from tenantcheck import __version__

_COMMANDS = {
    "probe": "Test an HTTP endpoint for tenant isolation.",
    "invoke": "Test a Lambda function for tenant isolation, by Invoke.",
    "check": "Judge a recorded history again.",
    "lab": "Run a local Lambda to try things on.",
    "demo": "See isolation proved and disproved on a local lab.",
}


@dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every command."""

    quiet: bool
    debug: bool
    no_color: bool


class LazyGroup(click.Group):
    """Imports a command's module when it is run: `--help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"tenantcheck.cli.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"tenantcheck.cli.{cmd_name} has no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tenantcheck", message="%(prog)s %(version)s")
@click.option("-q", "--quiet", is_flag=True, help="Only the report: no plan, no progress.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option("--no-color", is_flag=True, help="No colour in the report.")
@click.pass_context
def cli(ctx: click.Context, quiet: bool, debug: bool, no_color: bool) -> None:
    """Does AWS Lambda keep one tenant's execution environments away from another's?

    Exit codes: 0 pass, 1 the tool could not do its work, 2 wrong usage, 3 inconclusive, 10 isolation breached.
    """
    ctx.obj = Common(quiet=quiet, debug=debug, no_color=no_color)
