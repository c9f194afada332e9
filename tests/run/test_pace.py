"""The pace of requests: a rate that holds over any stretch of time, and bursts no larger than allowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenantcheck.run.pace import Pace


def starts(pace: Pace, rate: float | None, requests: int, *, together: bool, now_s: float = 0.0) -> list[float]:
    """When requests that are all ready at once, or one after the other without any delay, start."""
    at = []
    for number in range(requests):
        wait_s = pace.wait_s(now_s, rate, together=together, first=number == 0)
        at.append(now_s + wait_s)
        if not together:
            now_s = at[-1]
    return at


def test_without_a_rate_nothing_waits() -> None:
    assert starts(Pace(None), None, 5, together=False) == [0.0] * 5


def test_one_by_one_is_spread_evenly() -> None:
    assert starts(Pace(None), 10.0, 4, together=False) == [0.0, 0.1, 0.2, 0.30000000000000004]


def test_a_wave_goes_together_and_what_follows_makes_up_for_it() -> None:
    pace = Pace(None)
    assert starts(pace, 10.0, 20, together=True) == [0.0] * 20
    assert starts(pace, 10.0, 2, together=True)[0] >= 1.999


def test_a_limit_in_flight_is_the_largest_burst() -> None:
    assert [round(at, 3) for at in starts(Pace(3), 10.0, 6, together=True)] == [0.0, 0.0, 0.0, 0.1, 0.2, 0.3]


def test_a_service_that_wants_to_be_left_alone_is() -> None:
    pace = Pace(None)
    pace.hold(5.0)
    assert starts(pace, None, 2, together=True) == [5.0, 5.0]


@given(
    st.floats(0.1, 1_000),
    st.integers(1, 50),
    st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.floats(0, 3)), min_size=1, max_size=8),
)
def test_no_stretch_of_time_holds_more_than_a_token_bucket_allows(
    rate: float, burst: int, waves: list[tuple[bool, int, float]]
) -> None:
    pace, now_s, at = Pace(burst), 0.0, []
    for together, requests, pause_s in waves:
        begun = starts(pace, rate, requests, together=together, now_s=now_s)
        at += begun
        now_s = max(begun) + pause_s
    for first in range(len(at)):
        for last in range(first, len(at)):
            assert last - first + 1 <= burst + rate * (at[last] - at[first]) + 1e-6
