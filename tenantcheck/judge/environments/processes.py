"""Counters of processes: which values came, and what contradicts that one process counted them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from tenantcheck.judge.environments.tallies import KEPT, Counts, FirstFew
from tenantcheck.model import Observation

#: Processes that have to begin at the same count before it is where counters start.
_ALIKE = 3
#: Different steps of counters that are told apart.
_STEPS = 64
#: A step other than 1 is that of the function when it was seen so often, and in so many of all cases.
_COMMON = 5
_MOST = 0.75


class High(NamedTuple):
    """A count that is higher than the requests sent until then, if counters start at 1 and go up by 1."""

    observation: Observation
    sent: int
    """Requests that may have raised it."""


@dataclass(slots=True)
class Process:
    """Everything that one `executionEnvironmentId` counted."""

    id: str
    counts: Counts = field(default_factory=Counts)
    tenants: set[int] = field(default_factory=set)
    last: Observation | None = None
    high: High | None = None
    """Its highest count beyond the requests that were sent until then."""
    highest: Observation | None = None
    """The observation with the highest count of all earlier waves; while every count of the current wave is higher
    than those of all requests called earlier, the newest one."""
    top: int = -1
    """Its count; -1 before the first."""
    before: Observation | None = None
    """What `highest` was before the wave that it answered in last."""
    wave: int = -1
    """Number of that wave."""


class Disorder(NamedTuple):
    """Two observations of one process that can't both be right."""

    earlier: Observation | None
    later: Observation
    own_nonces: bool


class Processes:
    """All processes of a run, compared wave by wave."""

    def __init__(self) -> None:
        self.by_id: dict[str, Process] = {}
        self.counted = 0
        """Answers that carried a process id and a count."""
        self.clones: FirstFew[Disorder] = FirstFew()
        self.disorders: FirstFew[Disorder] = FirstFew()
        self._steps: Counter[int] = Counter()
        """By how much counts of one process went up from answer to answer, and how often."""
        self._wave: list[Observation] = []
        self._number = 0
        self._tangled: dict[str, Process] = {}
        """Processes whose counts of this wave do not simply go up."""
        self._high: dict[str, Process] = {}
        """Processes that counted more in this wave than the requests that were known when they answered."""

    @property
    def smallest(self) -> int:
        """The smallest count of any process."""
        return min((process.counts.lowest for process in self.by_id.values()), default=1)

    @property
    def start(self) -> int:
        """Where counters of this function start: above 1 only where that is systematic, since several processes begin
        there, and most of them."""
        smallest = self.smallest
        as_low = sum(process.counts.lowest == smallest for process in self.by_id.values())
        return smallest if as_low >= max(_ALIKE, len(self.by_id) / 2) else min(smallest, 1)

    @property
    def step(self) -> int:
        """What counters of this function go up by: the commonest step over all processes, where it is systematic:
        seen often, and no smaller one ever."""
        step, times = self._steps.most_common(1)[0] if self._steps else (1, 0)
        systematic = times >= max(_COMMON, _MOST * self._steps.total()) and step == min(self._steps)
        return step if systematic else 1

    def overcounts(self) -> Iterator[tuple[Process, High]]:
        """Processes that counted more than a systematic start and step explain."""
        start, step = max(self.smallest, 1), self.step
        for process in self.by_id.values():
            if process.high is not None and count_of(process.high.observation) > start + step * (
                process.high.sent - 1
            ):
                yield process, process.high

    def note(self, observation: Observation, tenant: int, sent: int, recent: Iterable[Observation]) -> bool:
        """Take in one answer; False when it carries no process id with a count.

        `sent` are the requests of its tenant up to this one. `recent` are the newest observations, newest first, to
        show an earlier answer with the same count.
        """
        witness = observation.witness
        if witness is None or witness.execution_environment_id is None or witness.invocation_count is None:
            return False
        count = witness.invocation_count
        process = self.by_id.get(witness.execution_environment_id)
        if process is None:
            process = self.by_id[witness.execution_environment_id] = Process(id=witness.execution_environment_id)
        self.counted += 1
        if process.last is not None:
            step = count - count_of(process.last)
            if step > 0 and (step in self._steps or len(self._steps) < _STEPS):
                self._steps[step] += 1
        if not process.counts.add(count):
            self._clone(observation, process, recent)
        if tenant not in process.tenants:
            process.tenants.add(tenant)
        process.last = observation
        self._wave.append(observation)
        if count > sent:
            self._high[process.id] = process
        self._in_order(observation, count, process)
        return True

    def note_for_nobody(self, observation: Observation) -> bool:
        """Take in the count of an answer that belongs to nobody for certain; False when there is none."""
        witness = observation.witness
        if witness is None or witness.execution_environment_id is None or witness.invocation_count is None:
            return False
        process = self.by_id.get(witness.execution_environment_id)
        if process is not None:
            process.counts.add(witness.invocation_count)
        return process is not None

    def _in_order(self, observation: Observation, count: int, process: Process) -> None:
        """Follow the counts as long as they go up with the calls: then nothing can contradict real time."""
        highest = process.highest
        if process.wave != self._number:
            process.wave, process.before = self._number, highest
        elif highest is None or observation.call_ns < highest.call_ns:
            self._tangled[process.id] = process
            return
        if count > process.top:
            process.highest, process.top = observation, count
        else:
            self._tangled[process.id] = process

    def _clone(self, observation: Observation, process: Process, recent: Iterable[Observation]) -> None:
        # Beyond the kept ones nobody looks at the earlier answer: the search is spared.
        earlier = _same_count(observation, process, recent) if self.clones.total < KEPT else None
        own = _echoes(observation) and (earlier is None or _echoes(earlier))
        self.clones.add(Disorder(earlier, observation, own))

    def wave_ended(self, sent: Sequence[int], sent_for_nobody: int) -> None:
        """Compare the counts of the wave that has ended.

        `sent` are the requests sent so far per tenant, `sent_for_nobody` those without a tenant, which any
        environment may have served.
        """
        answers = self._answers_of(self._tangled.keys() | self._high.keys())
        for id_, process in self._tangled.items():
            self._order(process, answers[id_])
        for id_, process in self._high.items():
            highest = max(answers[id_], key=count_of)
            explained = sum(sent[tenant] for tenant in process.tenants) + sent_for_nobody
            if process.high is None or count_of(highest) - explained > _beyond(process.high):
                process.high = High(highest, explained)
        self._wave.clear()
        self._tangled.clear()
        self._high.clear()
        self._number += 1

    def _answers_of(self, ids: Set[str]) -> dict[str, list[Observation]]:
        """What these processes answered in this wave."""
        answers: dict[str, list[Observation]] = {id_: [] for id_ in ids}
        for observation in self._wave if ids else ():
            id_ = observation.witness.execution_environment_id if observation.witness is not None else None
            if id_ in answers:
                answers[id_].append(observation)
        return answers

    def _order(self, process: Process, observations: Sequence[Observation]) -> None:
        """Find counts that contradict real time: a higher one returned before a lower one was called. A count
        back at the base is a restart."""
        highest = process.before
        restarted_ns = -1
        ended = sorted(observations, key=lambda o: o.end_ns)
        position = 0
        for later in sorted(observations, key=lambda o: o.call_ns):
            if count_of(later) <= 1:
                highest, restarted_ns = None, later.call_ns
            while position < len(ended) and ended[position].end_ns < later.call_ns:
                candidate = ended[position]
                position += 1
                if candidate.call_ns >= restarted_ns and (highest is None or count_of(candidate) > count_of(highest)):
                    highest = candidate
            if highest is not None and count_of(highest) > count_of(later):
                self.disorders.add(Disorder(highest, later, own_nonces=False))
        alive = [o for o in observations if o.call_ns >= restarted_ns]
        process.highest = max(alive + ([highest] if highest is not None else []), key=count_of)
        process.top = count_of(process.highest)


def _beyond(high: High) -> int:
    return count_of(high.observation) - high.sent


def count_of(observation: Observation) -> int:
    """The count an answer carries; 0 when it carries none."""
    count = observation.witness.invocation_count if observation.witness else None
    return count if count is not None else 0


def _echoes(observation: Observation) -> bool:
    return observation.witness is not None and observation.witness.nonce is not None


def _same_count(observation: Observation, process: Process, recent: Iterable[Observation]) -> Observation | None:
    for earlier in recent:
        if (
            earlier is not observation
            and earlier.witness is not None
            and earlier.witness.execution_environment_id == process.id
            and earlier.witness.invocation_count == count_of(observation)
        ):
            return earlier
    return None
