"""What may be said about a run, with the defaults and bounds that the command line and the Python API share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, get_args

from tenantcheck.errors import UsageError
from tenantcheck.model import (
    CHECK_IDS,
    LOG_WAIT_S,
    SIGNIFICANCE,
    TIMEOUT_S,
    CheckId,
    PlanName,
    Requirement,
    WitnessFrom,
)

#: Tenants with fresh ids, where nobody names any.
TENANTS = 4
#: Idle gaps of one run, and the length of each in seconds.
MAX_GAPS = 20
MAX_GAP_S = 3_600
_WEEK_S = 7 * 86_400


class Bounds(NamedTuple):
    """What a number may be."""

    least: float
    most: float
    above: bool = False
    """More than the least, not the least itself."""
    below: bool = False

    def problem(self, value: float) -> str | None:
        """Why a number can't be used; None where it can."""
        low = value <= self.least if self.above else value < self.least
        high = value >= self.most if self.below else value > self.most
        if math.isnan(value) or low or high:
            least = f"more than {self.least:g}" if self.above else f"at least {self.least:g}"
            most = f"less than {self.most:g}" if self.below else f"at most {self.most:g}"
            return f"{value:g} is out of bounds: {least} and {most}"
        return None


BOUNDS = {
    "soak": Bounds(0, _WEEK_S, above=True),
    "rate": Bounds(0.01, 10_000),
    "in_flight": Bounds(1, 1_000),
    "max_requests": Bounds(1, 10_000_000),
    "max_time": Bounds(0, _WEEK_S, above=True),
    "timeout": Bounds(0, _WEEK_S, above=True),
    "log_wait": Bounds(0, 3_600, above=True),
    "significance": Bounds(0, 1, above=True, below=True),
}
REQUIREMENTS: tuple[Requirement, ...] = ("warm", "pressed", "newcomer", "idle", "control", *CHECK_IDS)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What a run sends, what it may spend, and how it is judged. Times are in seconds."""

    plan: PlanName = "standard"
    """How much is sent: `quick`, `standard` or `deep`."""
    idle: tuple[float, ...] = ()
    """Idle gaps that are added to the plan."""
    soak: float | None = None
    """Go on for so long after the plan."""
    rate: float | None = None
    """Requests per second, at most; None: as fast as it goes, 10 while soaking."""
    in_flight: int | None = None
    """Requests in flight together, at most; None: as many as a wave wants."""
    control: str | None = None
    """URL or function that is known not to isolate; it is asked first, and has to be caught."""
    require: tuple[Requirement, ...] = ()
    """Pass only if this was exercised: kinds of request, gaps, a control, checks."""
    max_requests: int | None = None
    """Requests in all, at most; None: half as many again as the plan needs, and at least 500."""
    max_time: float | None = None
    """Time in all, at most; None: 120, or as long as the plan needs."""
    timeout: float = TIMEOUT_S
    """Time for one request."""
    seed: str | None = None
    """Up to 32 hexadecimal digits: replay the orders of a run. A replay adds no evidence."""
    keep_going: bool = False
    """Go on after a breach."""
    boundary: bool = False
    """Send another tenant's id even with a method that may change data."""
    witness: Mapping[str, str] = field(default_factory=dict)
    """JMESPath expressions by the name of the witness field that stands there."""
    witness_at: str | None = None
    """JMESPath expression for the object in which all other witness fields stand."""
    witness_from: WitnessFrom = "answers"
    """Who says which environment served a request: `answers`, or the `logs` (then a handler needs no witness)."""
    log_wait: float = LOG_WAIT_S
    """How long requests are looked for in the logs, on top of `max_time`."""
    history: Path | None = None
    """Where the run is recorded; None: a new file in `.tenantcheck/`."""
    significance: float = SIGNIFICANCE
    """Target for the weakest pair."""
    only: tuple[str, ...] = ()
    """Run only these checks."""
    skip: tuple[str, ...] = ()
    """Leave these checks out."""
    strict: bool = False
    """Weaknesses fail the run."""

    def __post_init__(self) -> None:
        """Raises `UsageError` for what can't be."""
        for name, known in (("plan", get_args(PlanName)), ("witness_from", get_args(WitnessFrom))):
            if getattr(self, name) not in known:
                raise UsageError(f"{name}: there is no '{getattr(self, name)}'", f"Known are: {', '.join(known)}.")
        for name, bounds in BOUNDS.items():
            value = getattr(self, name)
            problem = None if value is None else bounds.problem(value)
            if problem:
                raise UsageError(f"{name}: {problem}")
        if len(self.idle) > MAX_GAPS:
            raise UsageError(f"idle: {len(self.idle)} gaps, at most {MAX_GAPS} are added", "Each adds three waves.")
        if any(not 0 < gap <= MAX_GAP_S for gap in self.idle):
            raise UsageError(f"idle: a gap lasts more than 0 and at most {MAX_GAP_S} seconds")
        for name in self.require:
            if name not in REQUIREMENTS:
                raise UsageError(
                    f"require: there is no such thing as '{name}'", f"Known are: {', '.join(REQUIREMENTS)}."
                )
        chosen_checks(self.only, self.skip)


def chosen_checks(only: tuple[str, ...], skip: tuple[str, ...]) -> tuple[tuple[CheckId, ...], tuple[CheckId, ...]]:
    """The checks that run, and those asked for by name. Raises `UsageError` for an unknown id."""
    for id_ in (*only, *skip):
        if id_ not in CHECK_IDS:
            raise UsageError(f"there is no check '{id_}'", f"The checks are: {', '.join(CHECK_IDS)}.")
    chosen = tuple(id_ for id_ in CHECK_IDS if (not only or id_ in only) and id_ not in skip)
    return chosen, tuple(id_ for id_ in CHECK_IDS if id_ in only)
