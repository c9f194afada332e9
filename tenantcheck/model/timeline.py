"""What happened when, for pictures: bounded, and nothing is judged by it."""

from __future__ import annotations

from msgspec import Struct


class Lane(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One environment along the time. Three columns of one length: a request each."""

    environment: str
    """Empty: the requests whose answers named none."""
    tenants: tuple[int, ...]
    """Positions in `Timeline.tenants`."""
    starts_us: tuple[int, ...]
    ends_us: tuple[int, ...]
    """Microseconds from the start of the run."""
    requests: int
    """All that were seen, those included that are not kept."""
    counts: tuple[tuple[int, int], ...] = ()
    """So many of them for each tenant, by its position."""
    shared: bool = False
    """It answered more than one tenant."""


class WaveSpan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One wave, from its first call to its last answer, and what the evidence was behind it."""

    kind: str
    start_us: int
    end_us: int
    requests: int
    probability: float | None = None
    """Of the weakest pair, behind an ordered wave."""


class Timeline(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every environment's requests along the time: all of a run of ordinary length."""

    tenants: tuple[str, ...]
    lanes: tuple[Lane, ...]
    """Shared ones first, then by their first request; the one without a name is the last."""
    waves: tuple[WaveSpan, ...]
    requests: int
    """All that were seen."""
    environments: int
    """All that were seen."""
    waves_seen: int
