"""Whether a history holds the requests that its seed draws."""

from __future__ import annotations

from collections.abc import Sequence

from tenantcheck.model import EndReason, Observation, Plan, Request
from tenantcheck.model import nonce as nonces
from tenantcheck.run.course import Course, Stop
from tenantcheck.run.plan import Schedule, Wave


class Redraw:
    """Compares a history, wave by wave, with the requests that its seed draws.

    `problem` says what is not as drawn: lines that were deleted, doubled, swapped or taken from another run; empty
    while nothing is. What answers say is taken from the file: sizes of later waves follow it, as in the run.
    """

    def __init__(self, plan: Plan) -> None:
        self._schedule = Schedule(plan)
        self._course = Course(plan, self._schedule)
        self._run = plan.run
        self._cut: int | None = None
        """Number of a wave that was not sent whole: the last one."""
        self._planned_left = 1
        self.problem = ""

    def add(self, observations: Sequence[Observation]) -> None:
        """Take in the next wave of the history."""
        if self.problem:
            return
        wave = self._course.next()
        if isinstance(wave, Stop):
            self.problem = "it goes on beyond the budget of its plan"
            return
        if self._cut is not None:
            self.problem = f"wave {self._cut} is not whole, and others follow"
            return
        self.problem = self._compare(wave, sorted((o.request for o in observations), key=lambda r: r.slot))
        self._planned_left = wave.planned_left
        self._course.took(wave, observations)

    def _compare(self, wave: Wave, requests: Sequence[Request]) -> str:
        if len(requests) > len(wave.requests):
            return f"wave {wave.number} has {len(requests)} requests, {len(wave.requests)} were drawn"
        if len(requests) < len(wave.requests):
            self._cut = wave.number
            if not wave.in_flight_together and [r.slot for r in requests] != list(range(len(requests))):
                return f"wave {wave.number} has gaps"
        for request in requests:
            drawn = wave.requests[request.slot] if request.slot < len(wave.requests) else None
            if drawn is None or _drawn(request) != _drawn(drawn) or not self._is_own(request):
                return f"request {request.seq} is not the one that was drawn"
        return ""

    def _is_own(self, request: Request) -> bool:
        """Whether the nonce is one of this run and request."""
        nonce = nonces.parse(request.nonce)
        tag = self._schedule.tag_for(request)
        return nonce is not None and (nonce.run, nonce.seq, nonce.tag) == (self._run, request.seq, tag)

    def ended(self, reason: EndReason | None) -> str:
        """What is not as drawn, now that the history ended for this reason."""
        if not self.problem and reason == "complete" and (self._planned_left or self._cut is not None):
            return "it ends before its plan, and says that it is complete"
        return self.problem


def _drawn(request: Request) -> tuple[object, ...]:
    """What the seed says of a request: everything but the random part of its nonce."""
    return (
        request.seq,
        request.wave,
        request.kind,
        request.slot,
        request.tenant,
        request.purpose,
        request.sent,
    )
