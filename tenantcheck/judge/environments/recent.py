"""The newest observations, to show the other half of a finding."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from tenantcheck.model import Observation

#: Observations of ended waves that are kept at least.
_KEPT = 4096


class Recent:
    """Waves of observations, the newest last; kept whole, so that an observation costs nothing to remember."""

    def __init__(self) -> None:
        self._ended: deque[Sequence[Observation]] = deque()
        self._count = 0
        self.wave: Sequence[Observation] = ()
        """The wave that is being grouped."""
        self.position = 0
        """Its observation that is being grouped: those before it are recent too."""

    def wave_ended(self) -> None:
        """The current wave joins the others; the oldest leave when there are enough without them."""
        self._ended.append(self.wave)
        self._count += len(self.wave)
        self.wave, self.position = (), 0
        while self._count - len(self._ended[0]) >= _KEPT:
            self._count -= len(self._ended.popleft())

    def __iter__(self) -> Iterator[Observation]:
        """Newest first, the current observation included."""
        yield from reversed(self.wave[: self.position + 1])
        for wave in reversed(self._ended):
            yield from reversed(wave)

    def find(self, seq: int) -> Observation | None:
        """The observation with this number."""
        return next((each for each in self if each.request.seq == seq), None)
