"""The `tenantcheck` group: options of every command, and commands that are imported when used."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass, replace
from typing import Any

import click

from tenantcheck.version import __version__

_COMMANDS = {
    "probe": "Test an HTTP endpoint for tenant isolation.",
    "invoke": "Test a Lambda function for tenant isolation, by Invoke.",
    "audit": "Find shared environments in the logs of everything that ran.",
    "inspect": "Find mistakes in the live configuration of functions.",
    "lint": "Find mistakes in templates and plans, before they are deployed.",
    "check": "Judge recorded histories again.",
    "verify": "Hold a signed statement against its history.",
    "handler": "Print a witness for your function.",
    "init": "Write what a first check needs into a folder.",
    "lab": "Run a local Lambda to try things on.",
    "demo": "See isolation proved and disproved on a local lab.",
}


@dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every command."""

    quiet: bool
    verbose: bool
    debug: bool
    no_color: bool


COMMON = {
    ("-q", "--quiet"): "Only the report: no plan, no progress.",
    ("-v", "--verbose"): "The whole report on a terminal; other formats are whole anyway.",
    ("--debug",): "Show tracebacks.",
    ("--no-color",): "No colour in the report.",
}


def _set_common(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and param.name is not None:
        ctx.obj = replace(ctx.obj, **{param.name: True})


class GroupedOption(click.Option):
    """An option under a heading of the help."""

    def __init__(self, *args: Any, group: str = "", **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.group = group


#: Headings of the help, in their order.
_GROUPS = ("Target", "Tenants", "Witness", "Plan", "Limits", "Judging", "Output", "Options")


def examples(*commands: str) -> str:
    """The end of a help page."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


class Command(click.Command):
    """A command that takes the options of every command behind its name, too, and does not repeat words that are too
    many: unquoted values, secrets among them."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        common = "Output" if any(getattr(each, "group", "") for each in self.params) else ""
        self.params += [
            GroupedOption(names, is_flag=True, expose_value=False, callback=_set_common, help=text, group=common)
            for names, text in COMMON.items()
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            words = "a word" if len(rest) == 1 else f"{len(rest)} words"
            ctx.fail(f"There {'is' if len(rest) == 1 else 'are'} {words} too many. Quote values that have spaces.")
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options under their headings, and once for all that each has a variable."""
        by_group: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                by_group.setdefault(getattr(param, "group", "") or "Options", []).append(record)
        for group in _GROUPS:
            if group in by_group:
                with formatter.section(group):
                    formatter.write_dl(by_group[group])
        formatter.write_paragraph()
        prefix = ctx.auto_envvar_prefix
        if prefix is not None:
            formatter.write_text(f"Every option has a variable: {prefix}_SOME_OPTION stands for --some-option.")


class LazyGroup(click.Group):
    """Imports a command's module when it is run: `--help` needs none of them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first. What is none is not repeated: it may be a URL with a password."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            meant = difflib.get_close_matches(args[0], _COMMANDS, 1)
            hint = f"Did you mean {meant[0]}?" if meant else f"Commands are: {', '.join(_COMMANDS)}."
            ctx.fail(f"The first word is no command. {hint}")
        return super().resolve_command(ctx, args)

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
@click.option("-q", "--quiet", is_flag=True, help=COMMON["-q", "--quiet"])
@click.option("-v", "--verbose", is_flag=True, help=COMMON["-v", "--verbose"])
@click.option("--debug", is_flag=True, help=COMMON["--debug",])
@click.option("--no-color", is_flag=True, help=COMMON["--no-color",])
@click.pass_context
def cli(ctx: click.Context, quiet: bool, verbose: bool, debug: bool, no_color: bool) -> None:
    """Does AWS Lambda keep one tenant's execution environments away from another's?

    Exit codes: 0 pass, 1 the tool could not do its work, 2 wrong usage, 3 inconclusive, 10 isolation breached.
    """
    ctx.obj = Common(quiet=quiet, verbose=verbose, debug=debug, no_color=no_color)
