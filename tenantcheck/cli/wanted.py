"""Which reports are wanted, and where: known to be possible before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click
from msgspec import structs

from tenantcheck.cli.changes import read_accepted, read_baseline, with_accepted, with_change
from tenantcheck.cli.options import in_group, stacked
from tenantcheck.errors import UsageError
from tenantcheck.model import Verdict
from tenantcheck.model.text import listed
from tenantcheck.reports import FORMATS, TERMINAL, Format
from tenantcheck.reports.json_report import JsonReport

F = TypeVar("F", bound=Callable[..., Any])

#: The format that a file is written in where none is named, by the end of its name.
SUFFIXES = {each.suffix: name for name, each in FORMATS.items() if each.suffix}
_STDOUT = "-"


class Wanted(NamedTuple):
    """The reports of one verdict."""

    on_stdout: str | None = None
    """A format; None: what suits where stdout goes."""
    files: Mapping[Path, Format] = {}
    anchor: str = ""
    """File that stands for what has no place in one."""
    baseline: JsonReport | None = None
    """An earlier report."""
    baseline_name: str = ""
    accepted: Mapping[str, str] = {}
    """Why findings are accepted, by fingerprint."""

    def of(self, verdict: Verdict) -> Verdict:
        """The verdict with what is accepted, what changed, and the anchor."""
        verdict = with_accepted(verdict, self.accepted)
        if self.baseline is not None:
            verdict = with_change(verdict, self.baseline, self.baseline_name)
        return structs.replace(verdict, anchor=self.anchor)


def report_options() -> Callable[[F], F]:
    """How the result is shown."""
    option = in_group("Output")
    return stacked(
        option(
            "--format",
            type=click.Choice((TERMINAL, *FORMATS)),
            metavar="FORMAT",
            help=f"Report on stdout: {listed((TERMINAL, *FORMATS), 'or')}. "
            f"[default: {TERMINAL} on a terminal, plain otherwise]",
        ),
        option(
            "--report",
            multiple=True,
            metavar="FORMAT=FILE",
            help=f"Also write a report to a file, or to stdout (-): {listed(FORMATS, 'or')}. Files that end in "
            f"{listed(SUFFIXES, 'or')} need no FORMAT.",
        ),
        option(
            "--sarif-anchor",
            metavar="FILE",
            help="File of the repository that findings stand at in SARIF, such as the function's template.",
        ),
        option(
            "--baseline",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="REPORT.json",
            help="An earlier JSON report: say what is new, gone and as before.",
        ),
        option(
            "--accepted",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE.toml",
            help="Weaknesses that --strict lets pass, each with a reason and a date.",
        ),
    )


def wanted_reports(given: dict[str, Any], *, placed: bool = False) -> Wanted:
    """What the options of `report_options` ask for; takes them out of `given`. `placed`: findings stand in files of
    their own. Raises `UsageError`."""
    on_stdout, texts, anchor = given.pop("format"), given.pop("report"), given.pop("sarif_anchor") or ""
    files: dict[Path, Format] = {}
    for text in texts:
        name, file = _parsed(text)
        if file == _STDOUT:
            if on_stdout not in (None, name):
                raise UsageError(f"--report {text}: stdout shows {on_stdout} already", "Name a file for one of them.")
            on_stdout = name
            continue
        path = Path(file)
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise UsageError(f"--report {text}: there is no such folder", "Make it first, or name another file.")
        if path.resolve() in (each.resolve() for each in files) and not path.is_relative_to("/dev"):
            raise UsageError(f"--report {text}: the file is named twice", "Give each report a file of its own.")
        files[path] = FORMATS[name]
    in_sarif = FORMATS["sarif"] in (*files.values(), FORMATS.get(on_stdout or ""))
    if in_sarif and not anchor and not placed:
        raise UsageError(
            "SARIF needs a file that its findings stand at",
            "Name one of the repository: --sarif-anchor template.yaml",
        )
    if anchor and not Path(anchor).is_file():
        raise UsageError(f"--sarif-anchor {anchor}: there is no such file", "Name one of the repository.")
    baseline, accepted = given.pop("baseline"), given.pop("accepted")
    return Wanted(
        on_stdout,
        files,
        anchor,
        None if baseline is None else read_baseline(baseline),
        str(baseline or ""),
        {} if accepted is None else read_accepted(accepted),
    )


def _parsed(text: str) -> tuple[str, str]:
    name, equals, file = text.partition("=")
    if not equals and (suffix := Path(text).suffix) in SUFFIXES:
        return SUFFIXES[suffix], text
    if not equals or not file or name not in FORMATS:
        known = f"There are {listed(FORMATS, 'and')}."
        if equals and name not in FORMATS:
            raise UsageError(f"--report {text}: there is no such format", known)
        raise UsageError(f"--report {text}: FORMAT=FILE was expected", known)
    return name, file
