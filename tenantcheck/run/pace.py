"""How fast requests may follow one another: a token bucket, kept as the time at which the next one is due (GCRA)."""

from __future__ import annotations


class Pace:
    """Says how long the next request has to wait. Times are in seconds, of any one clock.

    `burst` requests may start at once where a wave sends them together; None: a whole wave. Requests that go one by
    one are spread evenly. Over a wave and what follows it is `rate` requests a second, at most.
    """

    def __init__(self, burst: int | None) -> None:
        self._burst = burst
        self._due_s = 0.0
        self._not_before_s = 0.0

    def hold(self, until_s: float) -> None:
        """Let nothing start before then."""
        self._not_before_s = max(self._not_before_s, until_s)

    def wait_s(self, now_s: float, rate: float | None, *, together: bool, first: bool) -> float:
        """How long a request that is ready now has to wait; it is taken as sent then. `first` of its wave."""
        start_s = max(now_s, self._not_before_s)
        if rate is not None:
            if not together:
                ahead = 0.0
            elif self._burst is not None:
                ahead = (self._burst - 1) / rate
            else:
                ahead = 0.0 if first else float("inf")
            start_s = max(start_s, self._due_s - ahead)
            self._due_s = max(self._due_s, start_s) + 1 / rate
        return start_s - now_s
