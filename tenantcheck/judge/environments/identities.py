"""Identities held against each other: which of them names one environment, and which can't."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tenantcheck.judge.environments.places import Places
from tenantcheck.judge.environments.processes import Processes
from tenantcheck.model import IDENTITIES, IdentityField, Observation

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
class _Home:
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

    def __init__(self, places: Places, processes: Processes, *, from_logs: bool = False) -> None:
        """`from_logs`: the log stream was read in the logs. Then nothing that answers say speaks against it, and
        nothing else carries evidence."""
        self._places = places
        self._processes = processes
        self._from_logs = from_logs
        self.contradictions: dict[IdentityField, Contradiction] = {}
        """The first one of each identity."""
        self._of_process: dict[str, Observation] = {}
        """The first answer of each process."""
        self._homes: dict[tuple[IdentityField, str], _Home] = {}

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
            self._at_home("sandbox_id" if name == "sandbox_id" else "log_stream_name", value, observation)

    def _at_home(self, name: IdentityField, value: str, observation: Observation) -> None:
        home = self._homes.get((name, value))
        if home is None:
            home = self._homes[name, value] = _Home()
        witness = observation.witness
        process = witness.execution_environment_id if witness is not None else None
        count = witness.invocation_count if witness is not None else None
        if process is None:
            return
        if process != home.process:
            gapless = count is not None and home.counts.get(process) == count - 1
            if gapless and home.last is not None:
                self._contradicted(name, home.last, observation)
            home.process = process
        if count is not None and (process in home.counts or len(home.counts) < _PROCESSES):
            home.counts[process] = count
        home.last = observation

    def _contradicted(self, name: IdentityField, earlier: Observation, later: Observation) -> None:
        self.contradictions.setdefault(name, Contradiction(name, earlier, later))

    @property
    def discredited(self) -> frozenset[str]:
        """Identities that were shown not to name one environment."""
        broken: set[str] = set(self.contradictions)
        if self._from_logs:
            broken.discard("log_stream_name")
        if self._processes.clones.total or self._processes.disorders.total:
            broken.add("execution_environment_id")
        return frozenset(broken)

    @property
    def constants(self) -> tuple[IdentityField, ...]:
        """Discredited identities that are the same in every answer, whoever was asked for. Where the logs tell the
        environments apart, none of them matters."""
        if self._from_logs:
            return ()
        discredited = self.discredited
        return tuple(
            name
            for name in IDENTITIES
            if name in discredited
            and len(self._places.by_field[name]) == 1
            and len(next(iter(self._places.by_field[name].values())).latest) > 1
        )

    def for_evidence(self) -> IdentityField | None:
        """The identity evidence stands on: the first that every served witness carried so far and nothing has
        discredited. None where there is none."""
        if self._from_logs:
            return "log_stream_name"
        return next((name for name in IDENTITIES if self._may_carry(name)), None)

    def _may_carry(self, name: IdentityField) -> bool:
        return not self._places.missing[name] and name not in self.discredited

    def for_reports(self) -> IdentityField:
        """The identity that reports count environments by, even where it carries no evidence."""
        most: IdentityField = max(IDENTITIES, key=lambda name: len(self._places.by_field[name]))
        chosen = self.for_evidence()
        return chosen if chosen is not None and self._places.by_field[chosen] else most


def easily_shared(value: str) -> bool:
    """Whether two environments come by one identity too easily: it is short, or a number such as a process id."""
    return len(value) < _SHORTEST or value.isdecimal()
