"""Counting in bounded memory: the first few of something, sets of counter values, latencies."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Generic, TypeVar

#: Findings kept per check; the total is counted on.
KEPT = 100
_MAX_RANGES = 4096

T = TypeVar("T")


@dataclass(slots=True)
class FirstFew(Generic[T]):
    """The first `KEPT` of something, and how many there were."""

    items: list[T] = field(default_factory=list)
    total: int = 0

    @property
    def full(self) -> bool:
        """Whether nothing more is kept."""
        return len(self.items) >= KEPT

    def add(self, item: T) -> None:
        self.total += 1
        if len(self.items) < KEPT:
            self.items.append(item)


class Counts:
    """A set of counter values, kept as ranges: a healthy process needs one."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.size = 0

    def add(self, count: int) -> bool:
        """Add a value; False when it was there already."""
        if self._ends and count == self._ends[-1] + 1:
            self._ends[-1] = count
            self.size += 1
            return True
        at = bisect_right(self._starts, count)
        if at and count <= self._ends[at - 1]:
            return False
        joins_left = at > 0 and self._ends[at - 1] == count - 1
        joins_right = at < len(self._starts) and self._starts[at] == count + 1
        if joins_left and joins_right:
            self._ends[at - 1] = self._ends.pop(at)
            self._starts.pop(at)
        elif joins_left:
            self._ends[at - 1] = count
        elif joins_right:
            self._starts[at] = count
        elif len(self._starts) < _MAX_RANGES:
            self._starts.insert(at, count)
            self._ends.insert(at, count)
        self.size += 1
        return True

    @property
    def lowest(self) -> int:
        return self._starts[0]

    @property
    def highest(self) -> int:
        return self._ends[-1]

    def unseen(self, start: int, step: int) -> int:
        """Values from `start` to the highest, `step` apart, that were not seen."""
        return max(0, (self.highest - start) // step + 1 - self.size)


class Latencies:
    """Latencies in buckets at most 1.6 % wide: bounded memory, quantiles right to 1 %."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.highest_ns = 0

    def add(self, nanoseconds: int) -> None:
        # The seven leading binary digits, and how many follow: cheaper than a logarithm.
        cut = max(nanoseconds.bit_length() - 7, 0)
        bucket = cut << 7 | nanoseconds >> cut
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        if nanoseconds > self.highest_ns:
            self.highest_ns = nanoseconds

    def median_ns(self) -> float | None:
        half = sum(self._buckets.values()) / 2
        for bucket in sorted(self._buckets):
            half -= self._buckets[bucket]
            if half <= 0:
                cut, digits = bucket >> 7, bucket & 127
                middle = (1 << cut) - 1
                return min((digits << cut) + middle / 2, self.highest_ns)
        return None
