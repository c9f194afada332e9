"""Show a verdict: the report on stdout, everything else on stderr, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from tenantcheck.cli.root import Common
from tenantcheck.model import Verdict
from tenantcheck.model.text import printable
from tenantcheck.reports import render

EXIT_CODES = {"pass": 0, "inconclusive": 3, "fail": 10}

#: What to do where the tool could not do its work, by how the run ended.
_HINTS = {
    "unreachable": "Is the address right, the service up, its certificate trusted, and --timeout long enough?",
    "no-credentials": "Log in again, or name another --profile.",
    "no-function": "Look at the function's name, --qualifier and --region.",
    "not-lambda": "Look at --endpoint-url and --region; an HTTP endpoint is tested with probe.",
    "failed": "",
}


def show(verdict: Verdict, common: Common, output_format: str | None, reports: Mapping[Path, str]) -> int:
    """Print and write the reports; returns the exit code."""
    fmt = output_format or ("text" if sys.stdout.isatty() else "plain")
    with whole_stdout() as stdout:
        if fmt == "text":
            from rich.console import Console

            from tenantcheck.reports.terminal import print_terminal

            print_terminal(verdict, Console(file=stdout, no_color=common.no_color or None, highlight=False))
        else:
            stdout.write(render(verdict, "json" if fmt == "json" else "plain"))
    if not _write(verdict, reports) and verdict.outcome != "fail":
        return 1
    if verdict.unable:
        click.echo(f"error: {printable(verdict.reasons[0], 400)}", err=True)
        click.echo(f"  {_HINTS[verdict.subject.ended]} The history is kept.".replace("   ", "  "), err=True)
        return 1
    return EXIT_CODES[verdict.outcome]


@contextmanager
def whole_stdout() -> Iterator[TextIO]:
    """stdout through a buffer of its own.

    With PYTHONUNBUFFERED, as container images set it, Python's own stdout loses what a pipe does not take in one
    piece: a report of more than 64 KiB arrived cut.
    """
    sys.stdout.flush()
    with open(
        sys.stdout.fileno(), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False
    ) as buffered:
        yield buffered


def _write(verdict: Verdict, reports: Mapping[Path, str]) -> bool:
    """Write the report files; False, and a word on stderr, when one could not be written."""
    written = True
    for path, fmt in reports.items():
        text = render(verdict, "json" if fmt == "json" else "plain")
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            click.echo(f"error: --report {path}: {error.strerror}", err=True)
            click.echo("  The history is kept: tenantcheck check makes the report again.", err=True)
            written = False
    return written
