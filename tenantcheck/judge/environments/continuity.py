"""Counts inside ordered waves, where one request is in flight at a time: what they prove, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tenantcheck.judge.environments.tallies import FirstFew
from tenantcheck.model import REFUSED, Observation

#: Answers over which a count has to go on before it is no accident.
_NO_CHANCE = 8
#: Counts missing between two answers that are looked for one by one.
_MOST_MISSING = 1_000


class Answer(NamedTuple):
    """One answer of a process in an ordered wave."""

    position: int
    tenant: int
    shown: int
    observation: Observation


class Unsent(NamedTuple):
    """More invocations between two answers than were sent."""

    tenant: int
    earlier: Observation
    later: Observation
    counted: int
    """How many in the whole wave."""


@dataclass(slots=True)
class Filled:
    """Counts that are missing from one process, and whether other tenants' answers showed them meanwhile."""

    filled: int = 0
    unfilled: int = 0
    between: tuple[Observation, Observation, Observation] | None = None
    """The answer before a gap, the foreign one that shows a missing count, and the answer behind."""


class Continuity:
    """Follows the counts of every process through the ordered waves."""

    def __init__(self) -> None:
        self.proven: dict[str, tuple[Observation, Observation]] = {}
        """Processes whose count went on from tenant to tenant and back: one process served both."""
        self.unsent: FirstFew[Unsent] = FirstFew()
        self.filled: dict[str, Filled] = {}
        self.followed = 0
        """Pairs of answers of one process that were compared."""

    def add(self, wave: Sequence[Observation], step: int) -> None:
        """Take in one ordered wave, in drawn order. `step` is what counters go up by."""
        answers = _answers(wave)
        lost = [(n, o.request.tenant) for n, o in enumerate(wave) if _may_have_run(o)]
        for process, own in answers.items():
            self._prove(process, own, step)
            self._fill(process, own, step, answers, lost)
        self._compare(wave, answers, step)

    def _prove(self, process: str, own: Sequence[Answer], step: int) -> None:
        """A counter of each environment's own can't go on: back at the first tenant it would be one up only. Where a
        tenant has several environments it may seem to, by chance, for an answer or two."""
        met: set[int] = set()
        going_on, back = 1, False
        for earlier, later in pairwise(own):
            met.add(earlier.tenant)
            if later.shown - earlier.shown != step:
                met.clear()
                going_on, back = 1, False
                continue
            going_on += 1
            back |= later.tenant != earlier.tenant and later.tenant in met
            if back and going_on >= _NO_CHANCE and later.tenant != earlier.tenant:
                self.proven.setdefault(process, (earlier.observation, later.observation))

    def _fill(
        self,
        process: str,
        own: Sequence[Answer],
        step: int,
        answers: dict[str, list[Answer]],
        lost: Sequence[tuple[int, int | None]],
    ) -> None:
        """Look for the counts that are missing between two answers. Where a request of that tenant was lost there,
        it explains them.

        Counters of their own run side by side, and one may well show what the other skipped. One counter never shows
        a count twice: processes that both show one are two.
        """
        fillers: set[str] = set()
        for earlier, later in pairwise(own):
            missing = range(earlier.shown + step, later.shown, step)[:_MOST_MISSING]
            explained = any(
                earlier.position < position < later.position and tenant in (earlier.tenant, later.tenant, None)
                for position, tenant in lost
            )
            if not missing or explained:
                continue
            shown = {
                other.shown: (name, other.observation)
                for name, others in answers.items()
                if name != process
                for other in others
                if earlier.position < other.position < later.position and other.tenant != later.tenant
            }
            found = self.filled.setdefault(process, Filled())
            for count in missing:
                if count not in shown:
                    found.unfilled += 1
                    continue
                name, foreign = shown[count]
                fillers.add(name)
                found.filled += 1
                if found.between is None:
                    found.between = (earlier.observation, foreign, later.observation)
        counts = {answer.shown for answer in own}
        if any(counts & {answer.shown for answer in answers[name]} for name in fillers):
            self.filled[process].unfilled += 1

    def _compare(self, wave: Sequence[Observation], answers: dict[str, list[Answer]], step: int) -> None:
        """Invocations between the answers of a process against the requests that may have been lost."""
        counted: Counter[int] = Counter()
        shown: dict[int, tuple[Observation, Observation]] = {}
        for own in answers.values():
            for earlier, later in pairwise(own):
                self.followed += 1
                if (more := (later.shown - earlier.shown) // step - 1) > 0:
                    counted[later.tenant] += more
                    shown.setdefault(later.tenant, (earlier.observation, later.observation))
        lost = Counter(o.request.tenant for o in wave if _may_have_run(o))
        for tenant, more in counted.items():
            if more > lost[tenant]:
                self.unsent.add(Unsent(tenant, *shown[tenant], more - lost[tenant]))


def _answers(wave: Sequence[Observation]) -> dict[str, list[Answer]]:
    """The answers of each process, in order."""
    answers: dict[str, list[Answer]] = {}
    for position, observation in enumerate(wave):
        witness, tenant = observation.witness, observation.request.tenant
        if witness is None or tenant is None or witness.nonce not in (None, observation.request.nonce):
            continue
        if witness.execution_environment_id is not None and witness.invocation_count is not None:
            own = answers.setdefault(witness.execution_environment_id, [])
            own.append(Answer(position, tenant, witness.invocation_count, observation))
    return answers


def _may_have_run(observation: Observation) -> bool:
    """Whether a request may have raised a counter without showing it. What was refused in front of the handler has
    not."""
    witness = observation.witness
    if witness is not None and witness.invocation_count is not None:
        return False
    return observation.outcome not in (*REFUSED, "throttled")
