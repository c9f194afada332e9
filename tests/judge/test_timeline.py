"""The timeline holds what pictures need, in bounds, and never loses a meeting of two tenants."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantcheck.judge import timeline as module
from tenantcheck.judge.timeline import TimelineRecorder
from tenantcheck.model.timeline import Timeline
from tests.notation import CLEAN, plan_for, verdict, waves


def of(text: str) -> Timeline:
    told = verdict(text, plan_for("abc" if "c" in text else "ab")).timeline
    assert told is not None
    return told


def test_every_environment_has_a_lane_with_its_requests() -> None:
    told = of("o a1 b2 | r a1 b2 b2 a1")
    assert [(lane.environment, lane.tenants, lane.shared) for lane in told.lanes] == [
        ("process-1", (0, 0, 0), False),
        ("process-2", (1, 1, 1), False),
    ]
    assert (told.requests, told.environments, told.waves_seen) == (6, 2, 2)
    assert all(start < end for lane in told.lanes for start, end in zip(lane.starts_us, lane.ends_us, strict=True))
    assert [(wave.kind, wave.requests) for wave in told.waves] == [("opening", 2), ("ordered", 4)]


def test_shared_lanes_come_first_and_requests_that_name_nobody_last() -> None:
    told = of("o a1 b2 c3 | r a1 b2 c- c2")
    assert [(lane.environment, lane.shared) for lane in told.lanes] == [
        ("process-2", True),
        ("process-1", False),
        ("process-3", False),
        ("", False),
    ]
    assert told.lanes[0].counts == ((1, 2), (2, 1))


def test_the_evidence_stands_behind_each_ordered_wave() -> None:
    told = verdict(CLEAN)
    assert told.timeline is not None
    assert told.figure is not None
    figures = [wave.probability for wave in told.timeline.waves]
    assert figures[0] is None
    assert figures[-1] == told.figure.weakest_pair.probability


def test_beyond_its_bounds_it_counts_and_keeps_meetings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REQUESTS", 3)
    monkeypatch.setattr(module, "MOST_WAVES", 2)
    told = of("o a1 b2 | r a1 b2 a1 b1 | r b3 a4")
    assert (told.requests, told.environments, told.waves_seen, len(told.waves)) == (8, 4, 3, 2)
    lanes = {lane.environment: lane for lane in told.lanes}
    assert set(lanes) == {"process-1", "process-2"}
    assert (lanes["process-1"].requests, lanes["process-1"].tenants) == (4, (0, 0, 1))
    assert lanes["process-1"].shared


def test_environments_beyond_its_bounds_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LANES", 1)
    told = of("o a1 b2 | r a1 b2 b2 a1")
    assert (len(told.lanes), told.environments) == (1, 2)


@given(st.lists(st.sampled_from(["a1", "b2", "a3", "b1", "a-", "b!"]), min_size=1, max_size=30), st.integers(1, 40))
def test_counts_are_whole_whatever_is_kept(words: list[str], most: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "MOST_REQUESTS", most)
        recorder = TimelineRecorder(["a", "b"])
        for wave in waves("r " + " ".join(words), plan_for()):
            recorder.add(wave, None)
    told = recorder.timeline()
    assert told.requests == len(words)
    for lane in told.lanes:
        assert lane.requests == sum(count for _, count in lane.counts) >= len(lane.tenants)
        kept = Counter(lane.tenants)
        assert all(kept[tenant] <= count for tenant, count in lane.counts)
        assert lane.shared == (len(lane.counts) > 1 and bool(lane.environment))
