"""Requests outside the waves: those that attack the boundary, each beside ordinary ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tenantcheck.judge.environments.tallies import KEPT
from tenantcheck.model import FRAME, WAVE, Observation

_MOST_PURPOSES = 32


class Framed(NamedTuple):
    """A request that attacks the boundary, and the ordinary requests of the same tenant before and after it."""

    observation: Observation
    before: Observation | None = None
    after: Observation | None = None

    @property
    def proves(self) -> bool:
        """Whether both were served: only then a refusal in between means anything."""
        return all(each is not None and each.outcome == "served" for each in (self.before, self.after))


class Attacks:
    """The attacks of a run by their purpose, a bounded number of each."""

    def __init__(self) -> None:
        self.by_purpose: dict[str, list[Framed]] = {}

    def add(self, wave: Sequence[Observation]) -> None:
        """Take in one group of requests, in drawn order; a wave holds none."""
        before: Observation | None = None
        open_: list[Observation] = []
        for observation in wave:
            purpose = observation.request.purpose
            if purpose == WAVE:
                return
            if purpose != FRAME:
                open_.append(observation)
                continue
            for each in open_:
                self._keep(Framed(each, before, observation))
            before, open_ = observation, []
        for each in open_:
            self._keep(Framed(each, before))

    def _keep(self, framed: Framed) -> None:
        purpose = framed.observation.request.purpose
        if purpose not in self.by_purpose and len(self.by_purpose) >= _MOST_PURPOSES:
            return
        kept = self.by_purpose.setdefault(purpose, [])
        if len(kept) < KEPT:
            kept.append(framed)
