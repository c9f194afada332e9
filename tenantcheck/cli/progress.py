"""Live progress on stderr, off when that is no terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tenantcheck.judge import Judge
from tenantcheck.model import Randomised
from tenantcheck.run.plan import Wave


class Told:
    """One line that says how far something is."""

    def __init__(self, *, quiet: bool, no_color: bool, first: str) -> None:
        console = Console(stderr=True, no_color=no_color or None)
        shown = console.is_terminal and not quiet
        self._live = Live(Text(first), console=console, transient=True) if shown else None

    def __call__(self, words: str) -> None:
        """Say where it stands."""
        if self._live is not None:
            self._live.update(Text(words))

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()


class Progress(Told):
    """One line: wave, requests, environments, weakest pair so far."""

    def __init__(self, *, quiet: bool, no_color: bool) -> None:
        super().__init__(quiet=quiet, no_color=no_color, first="connecting")

    def wave(self, wave: Wave, judge: Judge) -> None:
        """A wave has ended."""
        if self._live is None:
            return
        environments = judge.environments
        count = len(environments.places.by_field[environments.identities.for_reports()])
        evidence = judge.evidence()
        weakest = f"{evidence.weakest_pair.probability:.1e}" if isinstance(evidence, Randomised) else "none"
        self(
            f"wave {wave.number + 1} ({wave.kind}), {environments.requests} requests, "
            f"{count} environments, weakest pair {weakest}"
        )
