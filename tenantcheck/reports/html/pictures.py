"""What the pictures of the page are drawn from: plain numbers, in units of a drawing 1,000 wide.

A drawing of 100,000 requests stays small since each environment has one path per tenant, in which requests that fall
on one another are one stroke.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tenantcheck.model import Seen, Verdict
from tenantcheck.model.text import chance, printable, shown_id
from tenantcheck.model.timeline import Lane, Timeline, WaveSpan
from tenantcheck.reports.sentences import many

#: Colours that people with any colour vision tell apart (Okabe and Ito); names stand beside them all the same.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999933")
WIDTH, LEFT = 1000, 240
#: Environments that are drawn, besides those that two tenants met.
MOST_LANES = 120
_ROW, _GAP = 10, 4
#: Tenants of one environment that have a row of their own.
_MOST_ROWS = 6
_TOP = 34
#: Waves narrower than this have no name.
_NAMED_WIDTH = 34
#: Strokes are never thinner.
_THINNEST = 0.8
#: Rows of the table behind a picture.
MOST_TABLE_ROWS = 500


class Stroke(NamedTuple):
    """Requests for one tenant in one environment."""

    tenant: str
    colour: str
    path: str
    requests: int


class LaneRow(NamedTuple):
    """One environment as it is drawn."""

    y: float
    height: float
    label: str
    environment: str
    shared: bool
    strokes: tuple[Stroke, ...]
    finding: int | None
    """The first finding that it stands in."""
    number: int


class Tick(NamedTuple):
    """A mark of an axis."""

    at: float
    text: str


class Band(NamedTuple):
    """One wave."""

    x: float
    width: float
    name: str
    odd: bool
    title: str


class Lanes(NamedTuple):
    """The timeline."""

    height: float
    rows: tuple[LaneRow, ...]
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    said: str
    """What of the run is drawn, in numbers."""


def lanes(verdict: Verdict) -> Lanes | None:
    """The timeline of a run; None where there is none."""
    timeline = verdict.timeline
    if timeline is None or not timeline.lanes:
        return None
    drawn = _drawn(timeline)
    length_us = max((wave.end_us for wave in timeline.waves), default=1) or 1
    scale = (WIDTH - LEFT) / length_us
    findings = _findings_by_environment(verdict)
    rows: list[LaneRow] = []
    y = float(_TOP)
    for number, lane in enumerate(drawn):
        row = _lane(lane, number, y, scale, timeline.tenants, findings.get(lane.environment))
        rows.append(row)
        y += row.height + _GAP
    bands = [_band(wave, position, scale) for position, wave in enumerate(timeline.waves)]
    ticks = [Tick(LEFT + at * 1e6 * scale, f"{at:g} s") for at in _seconds(length_us / 1e6)]
    return Lanes(y + 4, tuple(rows), tuple(bands), tuple(ticks), _said(timeline, drawn))


def _drawn(timeline: Timeline) -> Sequence[Lane]:
    shared = [lane for lane in timeline.lanes if lane.shared]
    others = [lane for lane in timeline.lanes if not lane.shared]
    nameless = [lane for lane in others if not lane.environment]
    return [*shared, *[lane for lane in others if lane.environment][:MOST_LANES], *nameless]


def _said(timeline: Timeline, drawn: Sequence[Lane]) -> str:
    environments = sum(bool(lane.environment) for lane in drawn)
    requests = sum(len(lane.starts_us) for lane in drawn)
    said = (
        f"{environments} of {many(timeline.environments, 'environment')} and {requests:,} of "
        f"{timeline.requests:,} requests are drawn"
    )
    shared = sum(lane.shared for lane in drawn)
    if shared:
        said += f"; the {many(shared, 'shared environment')} of the run first, all of them"
    return said + "."


def _findings_by_environment(verdict: Verdict) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, finding in enumerate(verdict.findings):
        for exhibit in finding.exhibits:
            if isinstance(exhibit, Seen) and exhibit.environment:
                found.setdefault(exhibit.environment, number)
    return found


def _lane(lane: Lane, number: int, y: float, scale: float, tenants: Sequence[str], finding: int | None) -> LaneRow:
    present = list(dict.fromkeys(lane.tenants))
    rows = min(len(present), _MOST_ROWS) if lane.shared else 1
    strokes = tuple(
        Stroke(
            shown_id(tenants[tenant]),
            COLOURS[tenant % len(COLOURS)],
            _path(lane, tenant, y + _ROW * min(row, rows - 1) + _ROW / 2, scale),
            dict(lane.counts).get(tenant, 0),
        )
        for row, tenant in enumerate(present)
    )
    name = short(lane.environment, 9) if lane.environment else "no environment named"
    who = _who([tenants[tenant] for tenant in present]) if lane.environment else ""
    return LaneRow(
        y=y,
        height=rows * _ROW,
        label=f"{who}  {name}".strip(),
        environment=printable(lane.environment, 80),
        shared=lane.shared,
        strokes=strokes,
        finding=finding,
        number=number,
    )


def _who(tenants: Sequence[str]) -> str:
    first = " and ".join(short(tenant, 11 if len(tenants) > 1 else 20) for tenant in tenants[:2])
    return first if len(tenants) <= 2 else f"{first} and {len(tenants) - 2} more"


def short(text: str, most: int) -> str:
    """The beginning and the end of a name, for where there is no room; the whole one stands in the table below."""
    shown = printable(text)
    return shown if len(shown) <= most else f"{shown[: most - 4]}…{shown[-3:]}"


def _path(lane: Lane, tenant: int, y: float, scale: float) -> str:
    """Strokes from the start of each request to its end; those that touch are one."""
    spans = sorted(
        (round(LEFT + start * scale, 1), round(LEFT + end * scale, 1))
        for whose, start, end in zip(lane.tenants, lane.starts_us, lane.ends_us, strict=True)
        if whose == tenant
    )
    parts: list[tuple[float, float]] = []
    for start, end in spans:
        end = max(end, start + _THINNEST)
        if parts and start <= parts[-1][1]:
            parts[-1] = (parts[-1][0], max(parts[-1][1], end))
        else:
            parts.append((start, end))
    return "".join(f"M{start:g} {y:g}h{end - start:.3g}" for start, end in parts)


def _band(wave: WaveSpan, position: int, scale: float) -> Band:
    x, width = LEFT + wave.start_us * scale, max(0.5, (wave.end_us - wave.start_us) * scale)
    title = f"{wave.kind}: {many(wave.requests, 'request')}, {wave.start_us / 1e6:.3f} to {wave.end_us / 1e6:.3f} s"
    return Band(round(x, 1), round(width, 1), wave.kind if width >= _NAMED_WIDTH else "", position % 2 == 1, title)


def _seconds(length_s: float) -> Iterator[float]:
    """Whole steps of 1, 2 or 5 times a power of ten, at most about eight of them."""
    rough = max(length_s, 1e-6) / 8
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    for number in range(int(length_s / step) + 1):
        yield float(f"{number * step:.6g}")


class Growth(NamedTuple):
    """The figure of the weakest pair, wave by wave."""

    points: str
    dots: tuple[tuple[float, float, str], ...]
    target_y: float
    target: str
    ticks: tuple[Tick, ...]


_GROWTH_HEIGHT, _GROWTH_TOP, _LEAST_LOG = 180, 12, -12.0


def growth(verdict: Verdict) -> Growth | None:
    """The evidence growing; None where no ordered wave was sent, and where a breach leaves it without a meaning."""
    timeline, figure = verdict.timeline, verdict.figure
    waves = [] if timeline is None else [wave for wave in timeline.waves if wave.probability is not None]
    if not waves or figure is None or verdict.outcome == "fail":
        return None
    lowest = min(math.log10(max(figure.significance, 1e-12)), *(_log(wave) for wave in waves)) - 0.5
    step = (WIDTH - LEFT - 60) / len(waves)

    def y(log: float) -> float:
        return round(_GROWTH_TOP + log / lowest * _GROWTH_HEIGHT, 1)

    dots = [(float(LEFT), y(0.0), "before the first ordered wave: 1")]
    for number, wave in enumerate(waves, 1):
        told = f"after ordered wave {number}: {chance(wave.probability or 0.0)}"
        dots.append((round(LEFT + number * step, 1), y(_log(wave)), told))
    every = max(1, math.ceil(-lowest / 6))
    ticks = [
        Tick(y(float(-power)), "1" if not power else f"1e-{power:02d}") for power in range(0, int(-lowest) + 1, every)
    ]
    target = y(math.log10(figure.significance))
    points = " ".join(f"{at_x:g},{at_y:g}" for at_x, at_y, _ in dots)
    return Growth(points, tuple(dots), target, f"target {figure.significance:g}", tuple(ticks))


def _log(wave: WaveSpan) -> float:
    return max(_LEAST_LOG, math.log10(wave.probability or 1e-300))


class Matrix(NamedTuple):
    """How many requests of each tenant each environment answered."""

    width: float
    height: float
    names: tuple[Tick, ...]
    cells: tuple[tuple[float, float, str, bool, str], ...]
    """x, y, colour, whether the environment was shared, and in words."""
    said: str


_CELL = 12
_MOST_COLUMNS, _MOST_TENANTS = 60, 30


def matrix(verdict: Verdict) -> Matrix | None:
    """Tenants by environments; None where there is nothing to show."""
    timeline = verdict.timeline
    named = [] if timeline is None else [lane for lane in timeline.lanes if lane.environment]
    if timeline is None or not named:
        return None
    columns = named[:_MOST_COLUMNS]
    tenants = sorted({tenant for lane in columns for tenant, _ in lane.counts})[:_MOST_TENANTS]
    place = {tenant: position for position, tenant in enumerate(tenants)}
    cells = tuple(
        (
            float(LEFT + column * _CELL),
            float(place[tenant] * _CELL + 4),
            COLOURS[tenant % len(COLOURS)],
            lane.shared,
            f"{shown_id(timeline.tenants[tenant])} in {printable(lane.environment, 80)}: {many(count, 'request')}",
        )
        for column, lane in enumerate(columns)
        for tenant, count in lane.counts
        if tenant in place
    )
    names = tuple(Tick(place[each] * _CELL + 13, short(timeline.tenants[each], 28)) for each in tenants)
    everyone = len({tenant for lane in timeline.lanes for tenant in lane.tenants})
    environments = many(timeline.environments, "environment")
    said = f"{len(tenants)} of {many(everyone, 'tenant')} and {len(columns)} of {environments} are drawn."
    return Matrix(WIDTH, len(tenants) * _CELL + 10, names, cells, said)


def lane_rows(timeline: Timeline) -> tuple[tuple[str, ...], ...]:
    """The table behind the timeline: one row per environment, shared ones first."""
    return tuple(
        (
            printable(lane.environment, 80) or "(none named)",
            ", ".join(f"{shown_id(timeline.tenants[tenant])} {count}" for tenant, count in lane.counts[:8])
            + (f" and {len(lane.counts) - 8} more" if len(lane.counts) > 8 else ""),
            "shared" if lane.shared else "",
            f"{min(lane.starts_us) / 1e6:.3f}",
            f"{max(lane.ends_us) / 1e6:.3f}",
        )
        for lane in timeline.lanes[:MOST_TABLE_ROWS]
    )
