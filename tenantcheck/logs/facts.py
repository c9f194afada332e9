"""What the rows say together: counted once, for all rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from msgspec import structs

from tenantcheck.logs.rows import DOUBTS, GAPS, At, Row
from tenantcheck.model import Logged

T = TypeVar("T")

#: Findings kept of each rule; the total is counted on.
KEPT = 100
#: Tenants that are counted apart, and shown.
_MOST_TENANTS = 10_000
_MOST_NAMES = 64


@dataclass(slots=True)
class Kept(Generic[T]):
    """The first few of something, and how many there were."""

    items: list[T] = field(default_factory=list)
    total: int = 0

    def add(self, item: T) -> None:
        """One more."""
        self.total += 1
        if len(self.items) < KEPT:
            self.items.append(item)


@dataclass(slots=True)
class Gap:
    """How much is missing in one way."""

    count: int = 0
    streams: int = 0
    first: Row | None = None


@dataclass(slots=True)
class Tenant:
    """What is counted per tenant."""

    environments: int = 0
    invocations: int = 0


class Facts:
    """Everything that rules look at. Rows come once per stream, by name."""

    def __init__(
        self,
        *,
        expected: Collection[str] | None = None,
        invocations: int | None = None,
        function: str = "",
        sent: int = 0,
    ) -> None:
        """`expected` are the tenants that should be there, where the user names them. `invocations` are those that a
        metric counted for `function`, where there is one. `sent` are requests of histories beside the logs."""
        self.function = function
        self.sent = sent
        self.of_function = 0
        """Starts of that function, as far as rows say whose they are."""
        self.joined = 0
        """Requests of histories that were found in text format."""
        self.text = 0
        """Starts in text format that no history tells of."""
        self.expected = expected
        self.counted = invocations
        self.streams = 0
        self.starts = 0
        self.named = 0
        """Starts in streams of whose tenant something is known."""
        self.reuses = 0
        """Invocations of an environment that had served an earlier one, and that a tenant is known of."""
        self.most = 0
        """Invocations of one environment, at most."""
        self.oldest_s = 0.0
        """From the first to the last start of one environment, at most."""
        self.first = self.last = ""
        self.doubts: set[str] = set()
        """What earlier audits, whose rows these are, held against a clean result."""
        self.shared: Kept[Row] = Kept()
        self.unnamed: Kept[Row] = Kept()
        self.unnamed_starts = 0
        self.in_json = 0
        """Starts in JSON format."""
        self.said: Kept[Row] = Kept()
        self.foreign: Kept[tuple[Row, At]] = Kept()
        """Environments of tenants that nobody expects."""
        self.spoken = 0
        """Starts in streams whose functions name tenants in their own lines."""
        self.gaps: dict[str, Gap] = {}
        self.tenants: dict[str, Tenant] = {}
        self.more_tenants = False
        self.groups: set[str] = set()
        self.functions: set[str] = set()
        self.versions: set[str] = set()

    def add(self, rows: Iterable[Row]) -> Facts:
        """Take in rows."""
        for row in rows:
            self._one(row)
        return self

    def locate(self, line_at: Callable[[str, int], int]) -> None:
        """Count the lines of places that are known by their byte alone, for what findings show: `line_at` says the
        line of a byte of a file, 0 where it can't."""
        rows = [*self.shared.items, *self.unnamed.items, *self.said.items]
        self.foreign.items = [(row, _located(at, line_at)) for row, at in self.foreign.items]
        for row in rows:
            for name in ("low", "high", "unnamed_at", "said"):
                at = getattr(row, name)
                if at is not None:
                    setattr(row, name, _located(at, line_at))

    def _one(self, row: Row) -> None:
        self.doubts.update(row.doubts)
        if row.stream == DOUBTS:
            return
        self.streams += 1
        self.starts += row.starts
        self.of_function += row.starts if row.function in ("", self.function) else 0
        self.joined += sum(span.joined for span in row.spans)
        self.text += row.text
        self.in_json += row.starts if row.in_json else 0
        self.most = max(self.most, row.starts)
        if row.low is not None and not row.unplaced:
            named = max(row.starts - row.unnamed, 1)
            self.named += named
            self.reuses += named - 1
            self.spoken += named if row.says else 0
            self._tenants(row)
        self._times(row)
        self._names(row)
        if row.shared:
            self.shared.add(row)
        if row.unnamed:
            self.unnamed.add(row)
            self.unnamed_starts += row.unnamed
        if row.low is not None and not row.shared:
            said = [at for at in (row.said, row.said_high) if at is not None and at.tenant != row.low.tenant]
            if said:
                row.said = said[0]
                self.said.add(row)
        self._gaps(row)

    def _tenants(self, row: Row) -> None:
        """Whose an environment is. How many invocations of a shared one were whose is not known."""
        for at in {at.tenant: at for at in (row.low, row.high) if at is not None}.values():
            self._tenant(at.tenant, 0 if row.shared else row.starts)
            if self.expected is not None and at.tenant not in self.expected:
                self.foreign.add((row, at))

    def _tenant(self, tenant: str, invocations: int) -> None:
        known = self.tenants.get(tenant)
        if known is None:
            if len(self.tenants) >= _MOST_TENANTS:
                self.more_tenants = True
                return
            known = self.tenants[tenant] = Tenant()
        known.environments += 1
        known.invocations += invocations

    def _times(self, row: Row) -> None:
        if not row.first:
            return
        self.first = min(self.first, row.first) if self.first else row.first
        self.last = max(self.last, row.last)
        self.oldest_s = max(self.oldest_s, _seconds(row.first, row.last))

    def _names(self, row: Row) -> None:
        for names, name in ((self.groups, row.group), (self.functions, row.function), (self.versions, row.version)):
            if name and len(names) < _MOST_NAMES:
                names.add(name)

    def _gaps(self, row: Row) -> None:
        missing = row.missing
        if not row.spoke and not missing:
            missing["no-start"] = 1
        for kind, count in missing.items():
            gap = self.gaps.setdefault(kind if kind in GAPS else "not-logs", Gap())
            gap.count += count
            gap.streams += 1
            gap.first = gap.first or row


def _located(at: At, line_at: Callable[[str, int], int]) -> At:
    return at if at.line >= 0 else structs.replace(at, line=line_at(at.file, -at.line))


def _seconds(first: str, last: str) -> float:
    """Seconds between two times; 0 where one is none."""
    try:
        return max(0.0, (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def exhibit(row: Row, at: At | None) -> Logged:
    """One invocation of a row, as findings show it."""
    return Logged(
        group=row.group,
        stream=row.stream,
        request_id=at.request_id or None if at is not None else None,
        tenant=at.tenant or None if at is not None else None,
        time=at.time or None if at is not None else None,
        file=at.file or None if at is not None else None,
        line=at.line if at is not None and at.line > 0 else None,
    )
