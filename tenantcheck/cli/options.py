"""Options that commands share, and their values in the library's terms."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from tenantcheck.cli.root import GroupedOption
from tenantcheck.errors import UsageError
from tenantcheck.files import read_file
from tenantcheck.history import HISTORIES
from tenantcheck.model import PlanName, Requirement, WitnessFrom
from tenantcheck.run.settings import BOUNDS, REQUIREMENTS, TENANTS, RunSettings

_DEFAULT = RunSettings()

F = TypeVar("F", bound=Callable[..., Any])


def stacked(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """All of them as one, in the order of the help."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


class OnePerLine(click.types.StringParamType):
    """Text that may have spaces: in a variable, several values stand on lines of their own."""

    envvar_list_splitter = "\n"


class Number(click.FloatRange):
    """A number within the bounds of a setting."""

    def __init__(self, setting: str, name: str = "float range") -> None:
        bounds = BOUNDS[setting]
        super().__init__(bounds.least, bounds.most, min_open=bounds.above, max_open=bounds.below)
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def whole_number(setting: str) -> click.IntRange:
    """A whole number within the bounds of a setting."""
    bounds = BOUNDS[setting]
    return click.IntRange(int(bounds.least), int(bounds.most))


def option(*names: str, group: str = "", **settings: Any) -> Callable[[F], F]:
    """A click option that shows its default, under a heading of the help."""
    return click.option(*names, cls=GroupedOption, group=group, show_default=True, **settings)


def in_group(group: str) -> Callable[..., Callable[[F], F]]:
    """`option` for those under one heading of the help."""
    return partial(option, group=group)


def judging_options() -> Callable[[F], F]:
    """How a history is judged."""
    option = in_group("Judging")
    return stacked(
        option(
            "--significance",
            type=Number("significance"),
            help=f"Target for the weakest pair. [default: {_DEFAULT.significance:g}; check: the run's]",
        ),
        option(
            "--only",
            multiple=True,
            metavar="CHECK",
            help="Run only this check (repeatable, or a,b).",
        ),
        option(
            "--skip",
            multiple=True,
            metavar="CHECK",
            help="Leave this check out (repeatable, or a,b).",
        ),
        option("--strict", is_flag=True, help="Weaknesses fail the run."),
    )


def _tenants_options() -> Callable[[F], F]:
    """Whom a run asks for."""
    option = in_group("Tenants")
    return stacked(
        option(
            "--tenants",
            default=str(TENANTS),
            metavar="N|a,b|@FILE",
            help="How many fresh ids, which ids, or a file.",
        ),
    )


def _plan_options() -> Callable[[F], F]:
    """What it sends."""
    option = in_group("Plan")
    return stacked(
        option(
            "--plan",
            type=click.Choice(get_args(PlanName)),
            default=_DEFAULT.plan,
            help="How much to send.",
        ),
        option("--idle", metavar="S,S,…", help="Idle gaps to add to the plan, in seconds."),
        option(
            "--soak",
            type=Number("soak", "seconds"),
            help="Go on for so many seconds after the plan, at --rate.",
        ),
        option(
            "--control",
            metavar="URL|FUNCTION",
            help="A twin without isolation, asked first: the same witness must catch it.",
        ),
        option("--seed", metavar="HEX", help="Replay the orders of a run; a replay adds no evidence."),
        option(
            "--boundary",
            is_flag=True,
            help="Run the checks that send another tenant's id even with POST, PUT, …",
        ),
        option("--keep-going", is_flag=True, help="Go on after a breach."),
    )


def _limits_options() -> Callable[[F], F]:
    """What it may spend."""
    option = in_group("Limits")
    return stacked(
        option(
            "--rate",
            type=Number("rate"),
            help="Requests per second, at most, for usage plans and firewalls. [default: no limit; 10 with --soak]",
        ),
        option(
            "--in-flight",
            type=whole_number("in_flight"),
            help="Requests in flight together, at most. Fewer than a wave wants test less, which is said.",
        ),
        option(
            "--max-requests",
            type=whole_number("max_requests"),
            help="Requests in all, at most. [default: half as many again as the plan needs, at least 500]",
        ),
        option(
            "--max-time",
            type=Number("max_time", "seconds"),
            help="Seconds in all, at most. [default: 120, or as long as the plan needs]",
        ),
        option(
            "--timeout",
            type=Number("timeout", "seconds"),
            default=_DEFAULT.timeout,
            help="Seconds per request.",
        ),
    )


def _witness_options() -> Callable[[F], F]:
    """Where answers say which environment gave them."""
    option = in_group("Witness")
    return stacked(
        option(
            "--witness",
            multiple=True,
            type=OnePerLine(),
            metavar="FIELD=JMESPATH",
            help="Where a field is.",
        ),
        option(
            "--witness-at",
            metavar="JMESPATH",
            help="Where the object is that all other fields stand in.",
        ),
        option(
            "--witness-key",
            metavar="KEY",
            help="The function's TENANTCHECK_KEY, for handlers that want it. Better in the variable than here.",
        ),
        option(
            "--witness-from",
            type=click.Choice(get_args(WitnessFrom)),
            default=_DEFAULT.witness_from,
            help="Who says which environment served a request. With logs the handler needs no witness; this needs "
            "logs:FilterLogEvents.",
        ),
        option(
            "--log-group",
            metavar="GROUP",
            help="Log group of the function. [default: as configured, with invoke; probe has to be told]",
        ),
        option("--control-log-group", metavar="GROUP", help="That of the control, where it is another one."),
        option(
            "--log-wait",
            type=Number("log_wait", "seconds"),
            default=_DEFAULT.log_wait,
            help="Seconds to look for requests in the logs, on top of --max-time.",
        ),
    )


def _judging_options() -> Callable[[F], F]:
    """What has to be exercised."""
    option = in_group("Judging")
    return stacked(
        option(
            "--require",
            multiple=True,
            metavar="WHAT,…",
            help="Pass only if this was exercised: warm, pressed, newcomer, idle, control, or a check (repeatable).",
        ),
    )


def _output_options() -> Callable[[F], F]:
    """What is said and recorded, besides the report."""
    option = in_group("Output")
    return stacked(
        option(
            "--price-per-gb",
            type=click.FloatRange(0),
            help="Price of creating an environment, per GB. [default: as published, where known]",
        ),
        option(
            "--memory",
            type=click.IntRange(128, 10240),
            default=128,
            help="The function's memory in MB.",
        ),
        option(
            "--show-errors",
            is_flag=True,
            help="Show on stderr what the service, or the network, says of requests that fail.",
        ),
        option("--dry-run", is_flag=True, help="Print the plan and stop."),
        option("--preflight", is_flag=True, help="Ask for each tenant once, say what came, and stop."),
        option(
            "--history",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where the run is recorded. [default: a new file in .tenantcheck/]",
        ),
        option(
            "--keep",
            type=click.IntRange(1),
            default=HISTORIES,
            help="How many histories to keep in .tenantcheck/, the newest ones.",
        ),
    )


def run_options() -> Callable[[F], F]:
    """What a run sends, and what it may spend."""
    return stacked(
        _tenants_options(),
        _plan_options(),
        _limits_options(),
        _witness_options(),
        _judging_options(),
        _output_options(),
    )


def parse_idle(text: str | None) -> tuple[float, ...]:
    """`1,10,60` in seconds. Raises `UsageError`."""
    if not text:
        return ()
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--idle {text}: seconds separated by commas were expected", "Example: --idle 1,10,60"
        ) from error


def parse_witness_paths(texts: tuple[str, ...]) -> dict[str, str]:
    """`FIELD=JMESPATH` pairs. Raises `UsageError`."""
    paths: dict[str, str] = {}
    for text in texts:
        name, equals, expression = text.partition("=")
        if not equals or not expression:
            raise UsageError(f"--witness {text}: FIELD=JMESPATH was expected")
        paths[name] = expression
    return paths


def parse_required(texts: tuple[str, ...]) -> tuple[Requirement, ...]:
    """What a run has to exercise, separated by commas. Raises `UsageError`."""
    names = [name.strip() for text in texts for name in text.split(",")]
    for name in names:
        if name not in REQUIREMENTS:
            raise UsageError(f"--require {name}: there is no such thing", f"Known are: {', '.join(REQUIREMENTS)}.")
    return tuple(each for each in REQUIREMENTS if each in names)


#: Options of the logs that are no settings of a run.
LOG_OPTIONS = ("log_group", "control_log_group")


def settings_of(given: dict[str, Any]) -> dict[str, Any]:
    """The options of `run_options` and `judging_options` as the Python API takes them; what is not given there is
    left out. Takes them out of `given`. Raises `UsageError`."""
    given["idle"] = parse_idle(given["idle"])
    given["require"] = parse_required(given["require"])
    given["witness"] = parse_witness_paths(given["witness"])
    names = [each.name for each in fields(RunSettings)]
    taken = {name: given.pop(name) for name in names}
    taken |= {name: split(taken[name]) for name in ("only", "skip")}
    return {name: value for name, value in taken.items() if value is not None}


def split(texts: Sequence[str]) -> tuple[str, ...]:
    """Values that may be separated by commas, too."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


#: The most that Lambda takes.
_MOST_DATA = 6 << 20


def read_data(text: str | None) -> bytes:
    """The value of `-d` or `--payload`: text, or a file after @. Raises `UsageError`."""
    if text is None:
        return b""
    if not text.startswith("@"):
        return os.fsencode(text)  # the bytes of the command line
    try:
        data = read_file(Path(text[1:]), _MOST_DATA)
    except OSError as error:
        raise UsageError(f"{text}: {error.strerror}", "Name a readable file after @.") from error
    if len(data) > _MOST_DATA:
        raise UsageError(f"{text}: larger than 6 MB, the most that Lambda takes")
    return data
