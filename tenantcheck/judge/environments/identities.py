"""Identities held against each other: which of them can't name one environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tenantcheck.model import IdentityField, Observation

#: Processes remembered per sandbox or log stream.
_PROCESSES = 16
#: A shorter identity is too easily that of two environments.
_SHORTEST = 8


class Contradiction(NamedTuple):
    """Two answers that can't both name one environment by this identity."""

    name: IdentityField
    earlier: Observation
    later: Observation


@dataclass(slots=True)
class _Place:
    """A sandbox or log stream, and the processes that answered in it."""

    process: str = ""
    """The one that answered last."""
    counts: dict[str, int] = field(default_factory=dict)
    """The latest count of each."""
    last: Observation | None = None


class Identities:
    """Compares the identities of every answer.

    A sandbox outlives its processes (a crash starts a new one), so several processes in it are no contradiction: two
    that answer by turns, each with a gapless counter of its own, are. A process belongs to one sandbox and one log
    stream.
    """

    def __init__(self) -> None:
        self.contradictions: dict[IdentityField, Contradiction] = {}
        """The first one of each identity."""
        self._of_process: dict[str, Observation] = {}
        """The first answer of each process."""
        self._places: dict[tuple[IdentityField, str], _Place] = {}

    def note(self, observation: Observation) -> None:
        """Take in one answer with a witness."""
        witness = observation.witness
        if witness is None or witness.execution_environment_id is None:
            return
        first = self._of_process.setdefault(witness.execution_environment_id, observation)
        for name, value in (("sandbox_id", witness.sandbox_id), ("log_stream_name", witness.log_stream_name)):
            if value is None:
                continue
            before = getattr(first.witness, name)
            if before is not None and before != value:
                self._contradicted("execution_environment_id", first, observation)
            self._in_place("sandbox_id" if name == "sandbox_id" else "log_stream_name", value, observation)

    def _in_place(self, name: IdentityField, value: str, observation: Observation) -> None:
        place = self._places.get((name, value))
        if place is None:
            place = self._places[name, value] = _Place()
        witness = observation.witness
        process = witness.execution_environment_id if witness is not None else None
        count = witness.invocation_count if witness is not None else None
        if process is None:
            return
        if process != place.process:
            gapless = count is not None and place.counts.get(process) == count - 1
            if gapless and place.last is not None:
                self._contradicted(name, place.last, observation)
            place.process = process
        if count is not None and (process in place.counts or len(place.counts) < _PROCESSES):
            place.counts[process] = count
        place.last = observation

    def _contradicted(self, name: IdentityField, earlier: Observation, later: Observation) -> None:
        self.contradictions.setdefault(name, Contradiction(name, earlier, later))


def easily_shared(value: str) -> bool:
    """Whether two environments come by one identity too easily: it is short, or a number such as a process id."""
    return len(value) < _SHORTEST or value.isdecimal()
