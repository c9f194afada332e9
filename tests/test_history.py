"""The history: round trip, killed runs, and files that lie."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck import history
from tenantcheck.errors import HistoryError, TenantcheckError
from tenantcheck.history import HistoryReader, HistoryWriter, default_path
from tenantcheck.model import (
    SCHEDULE,
    End,
    Header,
    Observation,
    Plan,
    Sent,
    Sighting,
    Tenant,
)
from tests.notation import CLEAN, changed, plan_for, waves

PLAN = plan_for()
HEADER = Header(schedule=SCHEDULE, tool="test", started="2026-01-01T00:00:00.000Z", plan=PLAN)
END = End(reason="complete", requests=26, waves=2, duration_ns=5)


def encoded(*records: Header | Observation | Sighting | End) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


def flat(text: str = CLEAN) -> list[Observation]:
    return [observation for wave in waves(text, PLAN) for observation in wave]


def read(content: bytes) -> tuple[HistoryReader, list[list[Observation]]]:
    reader = HistoryReader(io.BytesIO(content))
    return reader, list(reader.waves())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, HEADER) as writer:
        for observation in flat():
            writer.observation(observation)
        writer.end(END)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader, read_waves = read(path.read_bytes())
    assert (reader.header, read_waves, reader.end, reader.torn) == (HEADER, waves(CLEAN, PLAN), END, False)
    assert reader.sha256 == writer.sha256


@settings(max_examples=50)
@given(
    st.builds(Observation, request=st.just(flat()[0].request), call_ns=st.integers(0, 9), end_ns=st.integers(9, 99))
)
def test_any_observation_survives_the_round_trip(observation: Observation) -> None:
    assert read(encoded(HEADER, observation))[1] == [[observation]]


def test_it_is_never_written_over_an_existing_file(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("precious")
    with pytest.raises(TenantcheckError, match="exists already"):
        HistoryWriter(tmp_path / "h", HEADER)
    assert (tmp_path / "h").read_text() == "precious"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TenantcheckError, match="can't be written"):
        HistoryWriter(tmp_path / "no" / "h", HEADER)


def test_a_disk_that_was_full_for_a_moment_leaves_whole_lines(tmp_path: Path) -> None:
    """
    Given a disk that takes two and a half of five records, and has room again when the run ends
    When the history is read
    Then the two are there, and nothing stands behind them.
    """
    (wave,) = waves("r a1 b2 a1 b2 a1", PLAN)
    path = tmp_path / "history"
    writer = HistoryWriter(path, Header(schedule=SCHEDULE, tool="t", started="", plan=PLAN))
    lines = [msgspec.json.encode(observation) + b"\n" for observation in wave]
    limit = path.stat().st_size + sum(map(len, lines[:2])) + len(lines[2]) // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        for observation in wave:
            writer.observation(observation)
        with pytest.raises(TenantcheckError, match="can't be written any more"):
            writer.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with writer:
        writer.end(End(reason="failed", requests=5, waves=1, duration_ns=1))
    reader = HistoryReader(io.BytesIO(path.read_bytes()))
    assert list(reader.waves()) == [wave[:2]]
    assert (reader.end, reader.torn) == (None, False)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == reader.sha256


def test_a_full_disk_says_what_is_kept() -> None:
    with HistoryWriter(Path("/dev/full").parent / "shm" / f"h-{id(object())}", HEADER) as writer:
        writer.path.unlink()
        writer._file.close()
        writer._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123
        with pytest.raises(TenantcheckError, match=r"can't be written any more: No space left"):
            writer.end(END)


def test_the_default_folder_ignores_itself(tmp_path: Path) -> None:
    folder = tmp_path / ".tenantcheck"
    path = default_path("2026-01-02T03:04:05.678Z", "0a1b2c3d", folder)
    assert path == folder / "20260102T030405Z-0a1b2c3d.jsonl"
    assert (folder / ".gitignore").read_text() == "*\n"
    assert default_path("2026-01-02T03:04:05.678Z", "0a1b2c3d", folder) == path


def test_a_default_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TenantcheckError, match="can't be made"):
        default_path("2026", "x", tmp_path / "file" / "folder")


def test_a_killed_run_is_readable() -> None:
    reader, read_waves = read(encoded(HEADER, *flat()))
    assert (reader.end, reader.torn, len(read_waves)) == (None, False, 2)


@given(st.integers(1, 200))
@settings(max_examples=30)
def test_a_torn_last_line_is_left_out(cut: int) -> None:
    content = encoded(HEADER, *flat())
    last = len(encoded(flat()[-1]))
    reader, read_waves = read(content[: -min(cut, last - 1)])
    complete = cut == 1  # only the line break is missing
    assert reader.torn is not complete
    assert sum(map(len, read_waves)) == 26 - reader.torn


LINES = flat()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: the file is empty"),
        (b"hello\n", "line 1: not the header"),
        (b'{"x":' + b"[" * 100_000, "line 1: not the header of a history: nested too deeply"),
        (b'{"type":"header","format":"other"}\n', "line 1: not the header"),
        (encoded(HEADER) + b"{}\n" + encoded(END), "line 2: not a record"),
        (
            encoded(HEADER) + b'{"type":"end","x":' + b"[" * 100_000 + b"\n",
            "line 2: not a record of a history: nested too deeply",
        ),
        (encoded(HEADER) + b"\xff\n", "line 2: not a record"),
        (encoded(HEADER, END, LINES[0]), "line 3: a record after the end line"),
        (encoded(HEADER, LINES[2], LINES[0]), "line 3: wave 0 after wave 1"),
        (encoded(HEADER, changed(call_ns=-1)(LINES[0])), "line 2: not a record of a history: Expected `int` >= 0"),
        (encoded(HEADER, changed(call_ns=10**9)(LINES[0])), "line 2: it ends before it begins"),
        (encoded(HEADER, LINES[0], LINES[0]), "line 3: request 0 a second time"),
        (
            encoded(HEADER, LINES[0]).replace(b'"end_ns":20000000', b'"end_ns":1' + b"0" * 400),
            "line 2: not a record",
        ),
        (
            encoded(HEADER, changed(request=msgspec.structs.replace(LINES[0].request, tenant=9))(LINES[0])),
            "line 2: tenant 9 is not in the plan",
        ),
        (
            encoded(
                HEADER,
                changed(request=msgspec.structs.replace(LINES[0].request, sent=Sent(credential=9)))(LINES[0]),
            ),
            "line 2: tenant 9 is not in the plan",
        ),
        (
            encoded(HEADER, changed(request=msgspec.structs.replace(LINES[0].request, sent=Sent(ids=())))(LINES[0])),
            "line 2: not a record",
        ),
        (
            encoded(HEADER, LINES[1], changed(request=msgspec.structs.replace(LINES[2].request, seq=0))(LINES[2])),
            "line 3: request 0 belongs before this wave",
        ),
        (
            encoded(
                HEADER,
                LINES[0],
                changed(request=msgspec.structs.replace(LINES[1].request, kind="crowd"))(LINES[1]),
            ),
            "line 3: a crowd request inside a wave of kind opening",
        ),
    ],
)
def test_files_that_lie(content: bytes, message: str) -> None:
    with pytest.raises(HistoryError) as raised:
        read(content)
    assert message in raised.value.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tenants": PLAN.tenants[:1]}, "1 tenants"),
        ({"tenants": PLAN.tenants[::-1]}, "not numbered in order"),
        ({"significance": 0.0}, "significance"),
        ({"ordered_requests": 0}, "ordered waves are empty"),
        ({"further_requests": 20_000_000}, "more than 1000 times per tenant"),
        ({"run": "\x1b]0;x\x07"}, "not hexadecimal"),
        ({"seed": "\x1b]0;x\x07"}, "not hexadecimal"),
        (
            {"newcomers": (Tenant(index=2, id="x", expect="x", sibling=7),)},
            "looks like a tenant that is not there",
        ),
    ],
)
def test_plans_this_program_does_not_make(changes: dict[str, object], message: str) -> None:
    plan: Plan = msgspec.structs.replace(PLAN, **changes)
    with pytest.raises(HistoryError, match=message):
        read(encoded(msgspec.structs.replace(HEADER, plan=plan)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"wrong-tenant"', b'"wrong-tenanT"', "Invalid enum value"),
        (b'"schedule":5', b'"schedule":1', "which draws waves otherwise (schedule 1, here 5)"),
        (b'"tool":"test"', b'"tool":"\x1b[2J"', "not the header of a history"),
        (b'"started":"2026', b'"started":"<b>6', "not the header of a history"),
        (b'"id":"a"', b'"id":"\\u001b"', "not the header of a history"),
        (b'"type":"http"', b'"type":"sh"', "Invalid value 'sh'"),
        (b'"kind":"nonce"', b'"kind":"sh"', "Invalid enum value"),
        (b'"id":"a"', b'"id":"b"', "a check or a tenant id stands in it twice"),
    ],
)
def test_one_changed_header_is_refused(old: bytes, new: bytes, message: str) -> None:
    """
    Given the history of a run
    When its header is changed so that a check would be dropped, or something else be shown or run
    Then it is refused.
    """
    content = encoded(HEADER, *flat(), END)
    assert old in content.splitlines()[0]
    head, rest = content.split(b"\n", 1)
    with pytest.raises(HistoryError) as raised:
        read(head.replace(old, new, 1) + b"\n" + rest)
    assert message in raised.value.message


def test_another_schedule_names_the_version_that_can_judge_it() -> None:
    header = msgspec.structs.replace(HEADER, schedule=1, tool="0.0.9")
    with pytest.raises(HistoryError) as raised:
        read(encoded(header))
    assert "recorded by tenantcheck 0.0.9" in raised.value.message
    assert raised.value.hint.endswith("pip install 'tenantcheck==0.0.9'")


def test_earlier_runs_of_a_target_are_found_in_a_folder(tmp_path: Path) -> None:
    for n in range(13):
        (tmp_path / f"{n:02d}.jsonl").write_bytes(encoded(HEADER))
    other = msgspec.structs.replace(HEADER, plan=msgspec.structs.replace(PLAN, target="https://other.test/"))
    (tmp_path / "other.jsonl").write_bytes(encoded(other))
    (tmp_path / "torn.jsonl").write_bytes(b"{")
    names, runs, same = history.earlier_runs(tmp_path, PLAN)
    assert (names, runs, same) == (tuple(f"{n:02d}.jsonl" for n in range(3, 13)), 13, "12.jsonl")
    others = msgspec.structs.replace(PLAN, tenants=plan_for("yz").tenants)
    assert history.earlier_runs(tmp_path, others).same_tenants == ""


def test_runs_whose_histories_are_gone_are_counted_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "0.jsonl").write_bytes(encoded(msgspec.structs.replace(HEADER, earlier_runs=70)))
    assert history.earlier_runs(tmp_path, PLAN).runs == 71


def test_the_newest_runs_are_kept_each_with_its_control(tmp_path: Path) -> None:
    """
    Given a folder with three runs, one of them with a control, and files that are somebody's own
    When all but two runs are removed
    Then the oldest one is gone with its control, and nothing else.
    """
    runs = [f"2026112{day}T010203Z-0000000{day}" for day in range(3)]
    own = ["mine.jsonl", "20261120T010203Z-00000000-control-copy.jsonl", ".gitignore"]
    kept = [f"{runs[1]}-control.jsonl", f"{runs[1]}.jsonl", f"{runs[2]}.jsonl"]
    for name in (f"{runs[0]}-control.jsonl", f"{runs[0]}.jsonl", *kept, *own):
        (tmp_path / name).write_bytes(encoded(HEADER, END))
    assert history.tidy(3, tmp_path) == 0
    assert history.tidy(2, tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, *own])


def test_a_run_that_goes_on_is_kept(tmp_path: Path) -> None:
    """A soak outlives many short runs: its history has no end line yet."""
    names = [f"2026112{day}T010203Z-0000000{day}.jsonl" for day in range(3)]
    for name in names:
        (tmp_path / name).write_bytes(encoded(HEADER, END) if name != names[0] else encoded(HEADER, *flat()))
    assert history.tidy(1, tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [names[0], names[2]]
    os.utime(tmp_path / names[0], (0, 0))  # killed long ago
    assert history.tidy(1, tmp_path) == 1


def test_lines_and_waves_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_LINE_BYTES", 2000)
    with pytest.raises(HistoryError, match="line 2: longer than 2000 bytes"):
        read(encoded(HEADER) + b" " * 3000)
    monkeypatch.setattr(history, "MAX_WAVE", 1)
    with pytest.raises(HistoryError, match="a wave of more than 1 requests"):
        read(encoded(HEADER, *LINES))


def test_what_the_logs_told_is_read_and_bounded() -> None:
    header = msgspec.structs.replace(HEADER, plan=msgspec.structs.replace(PLAN, witness_from="logs"))
    told = Sighting(seq=0, log_stream_name="s", by="text", time_ms=1)
    first, second = waves("o a1 b2 | r a1", PLAN)
    reader, observed = read(encoded(header, *first, told, *second, END))
    assert (reader.sightings, observed) == ({0: told}, [first, second])
    cases: tuple[tuple[tuple[Any, ...], str], ...] = (
        ((header, told), "request 0, which is not there"),
        ((header, *first, told, told), "request 0 a second time"),
        ((HEADER, *first, told), "a run that did not ask them"),
        ((header, *first, END, told), "a record after the end line"),
    )
    for lines, problem in cases:
        with pytest.raises(HistoryError, match=problem):
            read(encoded(*lines))
