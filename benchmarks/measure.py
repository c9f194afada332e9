"""Repeated, interleaved runs and their medians."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Generic, TypeVar

T = TypeVar("T")


def peak_mb() -> float:
    """Most memory that this process has had resident (getrusage counts what its parent had, too)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Samples(Generic[T]):
    """What the repeats of one contender came to."""

    def __init__(self) -> None:
        self.values: list[T] = []

    def median(self, of: Callable[[T], float]) -> float:
        """The median of one figure."""
        return median(of(value) for value in self.values)

    def most(self, of: Callable[[T], float]) -> float:
        """The largest value of one figure."""
        return max(of(value) for value in self.values)


def interleaved(contenders: Mapping[str, Callable[[], T]], repeats: int) -> dict[str, Samples[T]]:
    """Run all contenders in turn, `repeats` times: what the machine does meanwhile meets all of them."""
    samples: dict[str, Samples[T]] = {name: Samples() for name in contenders}
    for _ in range(repeats):
        for name, run in contenders.items():
            samples[name].values.append(run())
    return samples
