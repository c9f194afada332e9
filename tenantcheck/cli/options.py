"""Options that commands share, and their values in the library's terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tenantcheck.errors import UsageError
from tenantcheck.model.text import listed
from tenantcheck.reports import FORMATS, TERMINAL, Format

if TYPE_CHECKING:
    from tenantcheck.model import CheckId, Requirement

F = TypeVar("F", bound=Callable[..., Any])

#: Idle gaps of one run.
MAX_GAPS = 20


def _stacked(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


class OnePerLine(click.types.StringParamType):
    """Text that may have spaces: in a variable, several values stand on lines of their own."""

    envvar_list_splitter = "\n"


class Seconds(click.FloatRange):
    """A length of time: more than nothing, at most a week."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(0, 7 * 86_400, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """A click option that shows its default and its variable in the help."""
    return click.option(*names, show_default=True, show_envvar=True, **settings)


def report_options() -> Callable[[F], F]:
    """How the result is shown."""
    return _stacked(
        option(
            "--format",
            type=click.Choice((TERMINAL, *FORMATS)),
            help=f"Report on stdout. [default: {TERMINAL} on a terminal, plain otherwise]",
        ),
        option(
            "--report",
            multiple=True,
            metavar="FORMAT=FILE",
            help=f"Also write a report to a file: {listed(FORMATS, 'or')}.",
        ),
    )


def judging_options() -> Callable[[F], F]:
    """How a history is judged."""
    return _stacked(
        option(
            "--significance",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            help="Target for the weakest pair. [default: 1e-6; check: the run's]",
        ),
        option("--only", multiple=True, metavar="CHECK", help="Run only this check (repeatable)."),
        option("--skip", multiple=True, metavar="CHECK", help="Leave this check out (repeatable)."),
        option("--strict", is_flag=True, help="Weaknesses fail the run."),
    )


def run_options() -> Callable[[F], F]:
    """What a run sends, and what it may spend."""
    return _stacked(
        option("--tenants", default="4", metavar="N|a,b|@FILE", help="How many fresh ids, which ids, or a file."),
        option(
            "--plan",
            type=click.Choice(("quick", "standard", "deep")),
            default="standard",
            help="How much to send.",
        ),
        option("--idle", metavar="S,S,…", help="Idle gaps to add to the plan, in seconds."),
        option("--soak", type=Seconds(), help="Go on for so many seconds after the plan, at --rate."),
        option(
            "--rate",
            type=click.FloatRange(0.01, 10_000),
            help="Requests per second, at most, for usage plans and firewalls. [default: no limit; 10 with --soak]",
        ),
        option(
            "--in-flight",
            type=click.IntRange(1, 1_000),
            help="Requests in flight together, at most. Fewer than a wave wants test less, which is said.",
        ),
        option(
            "--control",
            metavar="URL|FUNCTION",
            help="A twin without isolation, asked first: the same witness must catch it.",
        ),
        option(
            "--require",
            multiple=True,
            metavar="WHAT,…",
            help="Pass only if this was exercised: warm, pressed, newcomer, idle, control, or a check (repeatable).",
        ),
        option(
            "--max-requests",
            type=click.IntRange(1, 10_000_000),
            help="Requests in all, at most. [default: half as many again as the plan needs, at least 500]",
        ),
        option(
            "--max-time",
            type=Seconds(),
            help="Seconds in all, at most. [default: 120, or as long as the plan needs]",
        ),
        option("--timeout", type=Seconds(), default=30.0, help="Seconds per request."),
        option("--seed", metavar="HEX", help="Replay the orders of a run; a replay adds no evidence."),
        option(
            "--boundary",
            is_flag=True,
            help="Run the checks that send another tenant's id even with POST, PUT, …",
        ),
        option("--keep-going", is_flag=True, help="Go on after a breach."),
        option("--price-per-gb", type=click.FloatRange(0), help="Price of creating an environment, per GB."),
        option("--memory", type=click.IntRange(128, 10240), default=128, help="The function's memory in MB."),
        option("--witness", multiple=True, type=OnePerLine(), metavar="FIELD=JMESPATH", help="Where a field is."),
        option(
            "--show-errors",
            is_flag=True,
            help="Show on stderr what the service, or the network, says of requests that fail.",
        ),
        option("--dry-run", is_flag=True, help="Print the plan and stop."),
        option(
            "--history",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where the run is recorded. [default: a new file in .tenantcheck/]",
        ),
    )


def parse_idle(text: str | None) -> tuple[float, ...]:
    """`1,10,60` in seconds. Raises `UsageError`."""
    if not text:
        return ()
    try:
        gaps = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--idle {text}: seconds separated by commas were expected", "Example: --idle 1,10,60"
        ) from error
    if len(gaps) > MAX_GAPS:
        raise UsageError(f"--idle: {len(gaps)} gaps, at most {MAX_GAPS} are added", "Each one adds three waves.")
    if any(not 0 < gap <= 3600 for gap in gaps):
        raise UsageError("--idle: a gap lasts more than 0 and at most 3600 seconds")
    return gaps


def parse_witness_paths(texts: tuple[str, ...]) -> dict[str, str]:
    """`FIELD=JMESPATH` pairs. Raises `UsageError`."""
    paths: dict[str, str] = {}
    for text in texts:
        name, equals, expression = text.partition("=")
        if not equals or not expression:
            raise UsageError(f"--witness {text}: FIELD=JMESPATH was expected")
        paths[name] = expression
    return paths


def parse_seed(text: str | None) -> str | None:
    """1 to 32 hexadecimal digits. Raises `UsageError`."""
    if text is None:
        return None
    try:
        value = int(text, 16)
    except ValueError as error:
        raise UsageError(f"--seed {text}: up to 32 hexadecimal digits were expected") from error
    if not 0 <= value < 1 << 128:
        raise UsageError("--seed: at most 128 bits (32 hexadecimal digits)")
    return f"{value:032x}"


def parse_required(texts: tuple[str, ...]) -> tuple[Requirement, ...]:
    """What a run has to exercise, separated by commas. Raises `UsageError`."""
    from typing import get_args

    from tenantcheck.model import CheckId

    known: tuple[Requirement, ...] = ("warm", "pressed", "newcomer", "idle", "control", *get_args(CheckId))
    names = [name.strip() for text in texts for name in text.split(",")]
    for name in names:
        if name not in known:
            raise UsageError(f"--require {name}: there is no such thing", f"Known are: {', '.join(known)}.")
    return tuple(each for each in known if each in names)


def chosen_checks(only: tuple[str, ...], skip: tuple[str, ...]) -> tuple[tuple[CheckId, ...], tuple[CheckId, ...]]:
    """The checks that run, and those asked for by name. Raises `UsageError` for an unknown id."""
    from tenantcheck.judge.checks import CHECK_IDS

    for id_ in (*only, *skip):
        if id_ not in CHECK_IDS:
            raise UsageError(f"there is no check '{id_}'", f"The checks are: {', '.join(CHECK_IDS)}.")
    chosen = tuple(id_ for id_ in CHECK_IDS if (not only or id_ in only) and id_ not in skip)
    return chosen, tuple(id_ for id_ in CHECK_IDS if id_ in only)


def parse_reports(texts: tuple[str, ...]) -> Mapping[Path, Format]:
    """`FORMAT=FILE` pairs. Raises `UsageError`."""
    reports: dict[Path, Format] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or not file or name not in FORMATS:
            raise UsageError(f"--report {text}: FORMAT=FILE was expected", f"FORMAT is {listed(FORMATS, 'or')}.")
        path = Path(file)
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise UsageError(f"--report {text}: there is no such folder", "Make it first, or name another file.")
        reports[path] = FORMATS[name]
    return reports
