"""Keeps what a picture of the run needs, in bounded memory."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tenantcheck.model import Observation
from tenantcheck.model.timeline import Lane, Timeline, WaveSpan

#: Requests, environments and waves that are kept; what comes later is counted.
MOST_REQUESTS = 100_000
MOST_LANES = 10_000
MOST_WAVES = 2_000


@dataclass
class _Kept:
    """One environment so far."""

    owner: int
    requests: int = 0
    counts: Counter[int] = field(default_factory=Counter)
    shared: bool = False
    tenants: array[int] = field(default_factory=lambda: array("l"))
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))


class TimelineRecorder:
    """Records waves. Of an environment that another tenant met, that meeting is always kept."""

    def __init__(self, tenants: Sequence[str]) -> None:
        self._tenants = tuple(tenants)
        self._lanes: dict[str, _Kept] = {}
        self._waves: list[WaveSpan] = []
        self._waves_seen = 0
        self._requests = 0
        self._kept = 0
        self._environments: int = 0
        self._left_out: set[int] = set()
        """Hashes of environments without a lane: they are counted once."""

    def add(self, wave: Sequence[Observation], probability: float | None) -> None:
        """Take in one ended wave; `probability` is that of the weakest pair behind it."""
        if not wave:
            return
        self._waves_seen += 1
        if len(self._waves) < MOST_WAVES:
            start_us = min(o.call_ns for o in wave) // 1000
            end_us = max(o.end_ns for o in wave) // 1000
            kind = wave[0].request.kind
            span = WaveSpan(kind=kind, start_us=start_us, end_us=end_us, requests=len(wave), probability=probability)
            self._waves.append(span)
        for observation in wave:
            if observation.request.tenant is not None and not observation.request.sent.forged:
                self._one(observation, observation.request.tenant)

    def _one(self, observation: Observation, tenant: int) -> None:
        self._requests += 1
        name = (observation.witness.environment() if observation.witness is not None else None) or ""
        lane = self._lanes.get(name)
        if lane is None:
            if name and hash(name) not in self._left_out:
                self._environments += 1
            if len(self._lanes) >= MOST_LANES or self._kept >= MOST_REQUESTS:
                if len(self._left_out) < MOST_REQUESTS:
                    self._left_out.add(hash(name))
                return
            lane = self._lanes[name] = _Kept(owner=tenant)
        lane.requests += 1
        lane.counts[tenant] += 1
        meets = bool(name) and tenant != lane.owner and not lane.shared
        lane.shared |= meets
        if self._kept >= MOST_REQUESTS and not meets:
            return
        self._kept += 1
        lane.tenants.append(tenant)
        lane.starts.append(observation.call_ns // 1000)
        lane.ends.append(observation.end_ns // 1000)

    def timeline(self) -> Timeline:
        """Everything so far."""
        kept = sorted(self._lanes.items(), key=lambda each: (not each[0], not each[1].shared, min(each[1].starts)))
        return Timeline(
            tenants=self._tenants,
            lanes=tuple(
                Lane(
                    environment=name,
                    tenants=tuple(lane.tenants),
                    starts_us=tuple(lane.starts),
                    ends_us=tuple(lane.ends),
                    requests=lane.requests,
                    counts=tuple(sorted(lane.counts.items())),
                    shared=lane.shared,
                )
                for name, lane in kept
            ),
            waves=tuple(self._waves),
            requests=self._requests,
            environments=self._environments,
            waves_seen=self._waves_seen,
        )
