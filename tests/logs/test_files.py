"""Files as they come: cut, damaged, hostile, in members, without end; and what no file can hide."""

from __future__ import annotations

import gzip
import io
import json
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantcheck.errors import UsageError
from tenantcheck.logs.rows import GAPS, Row, encoded, footer, header, merged
from tenantcheck.logs.rules.log_gap import MEANS
from tenantcheck.logs.sources import files, gzipped
from tenantcheck.logs.sources.files import FORMATS, Wanted, files_in, line_at, rows_in, rows_of
from tenantcheck.logs.sources.gzipped import blocks_of
from tests.logs.corpus import deliveries, stream
from tests.logs.lines import invocation, start

WANTED = Wanted({})
TWO = "".join(f"{line}\n" for line in (*invocation(1, "a"), *invocation(2, "b"))).encode()


def read(data: bytes, path: str = stream(1)) -> tuple[str, list[Row]]:
    return rows_in(path, io.BytesIO(data), WANTED)


def test_every_gap_says_what_it_means() -> None:
    assert tuple(MEANS) == GAPS


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (TWO, "lines"),
        (b"", "lines"),
        (b'{"events": []}', "events"),
        (json.dumps(next(deliveries({}))).encode(), "subscription"),
        (header() + b"\n" + footer(0), "rows"),
        (b"stream,low,high,starts,named,first,last\n", "table"),
        (b'"@logStream","low","high","starts","named"\n', "table"),
        (b'{"type":"header","schedule":5}', "history"),
        (b'{"level":"INFO","events":[1],"messageType":"x"}', "lines"),
    ],
)
def test_a_format_is_known_by_its_content(head: bytes, name: str) -> None:
    assert read(head)[0] == name
    assert read(gzip.compress(head, mtime=0))[0] == name
    assert name in [each.name for each in FORMATS]


def test_a_cut_file_is_read_to_the_cut_and_said() -> None:
    whole = gzip.compress(TWO * 50, mtime=0)
    (row,) = read(whole[: len(whole) * 2 // 3])[1]
    assert row.shared
    assert row.gaps["cut-file"] == 1
    (row,) = read(gzip.compress(TWO, mtime=0) + b"junk")[1]
    assert (row.shared, row.gaps) == (True, {"cut-file": 1})


def test_any_number_of_members_is_one_file() -> None:
    lines = ["\n".join(invocation(n, "a")) + "\n" for n in range(2_000)]
    (row,) = read(b"".join(gzip.compress(each.encode(), mtime=0) for each in lines) + b"\0" * 512)[1]
    assert (row.starts, row.gaps) == (2_000, {})


def test_a_bomb_is_not_unpacked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzipped, "_BOMB_BYTES", 8 << 20)
    (row,) = read(gzip.compress(TWO + b"x" * (64 << 20), mtime=0))[1]
    assert (row.shared, row.gaps) == (True, {"bomb": 1, "long-line": 1})


def test_a_large_file_takes_little_memory() -> None:
    """64 MB in one line of 2 MB after the other, in lines, and in records of a subscription."""
    some = b"".join(line.encode() + b"\n" for n in range(200) for line in invocation(n, "a"))
    for data in (some * 600, json.dumps(list(deliveries({stream(1): [start(1, "a")] * 50}))[1]).encode() * 4_000):
        packed = gzip.compress(data, 1, mtime=0)
        tracemalloc.start()
        try:
            read(packed)
            assert tracemalloc.get_traced_memory()[1] < 48 << 20
        finally:
            tracemalloc.stop()


def test_many_streams_in_one_file_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST_OPEN", 50)
    made = {stream(n): [start(n, "a")] for n in range(400)}
    text = b"".join(json.dumps(each).encode() for each in deliveries(made))
    rows = read(text)[1]
    assert {row.stream for row in rows} == set(made)


def test_a_record_may_hold_what_looks_like_its_end() -> None:
    lines = ['x]}{"', '}{"messageType":"DATA_MESSAGE"', *invocation(1, "a"), '{"a":"}{"}', *invocation(2, "b")]
    text = b"".join(json.dumps(each).encode() for each in deliveries({stream(1): lines, stream(2): ["}{"]}, size=50))
    rows = {row.stream: row for row in read(text)[1]}
    assert rows[stream(1)].shared
    assert all("unreadable-line" not in row.gaps for row in rows.values())


def test_records_that_are_none_are_gaps_and_end_nothing() -> None:
    good = json.dumps(list(deliveries({stream(1): [*invocation(1, "a"), *invocation(2, "b")]}, size=50))[1])
    rows = read((good + '{"messageType": 5}' + good + '{"messageType":"OTHER"}' + good[:-30]).encode())[1]
    assert any(row.shared for row in rows)
    gaps = {kind: count for row in rows for kind, count in row.gaps.items()}
    assert gaps == {"unreadable-line": 2, "not-logs": 1}


def test_a_result_that_is_a_part_says_so() -> None:
    """Wherever the key stands, and not where a message speaks of one."""
    events = [{"logStreamName": stream(1), "message": start(1, "a")}]
    for told in (
        {"events": events, "nextToken": "x"},
        {"nextToken": "x", "events": events, "searched": ["y" * 9000]},
    ):
        assert {"cut-result": 1} in [row.gaps for row in read(json.dumps(told).encode())[1]]
    events[0]["message"] = json.dumps({"nextToken": 1, "message": "x"})
    assert {"cut-result": 1} not in [row.gaps for row in read(json.dumps({"events": events}).encode())[1]]
    rows = read(json.dumps({"events": events}).encode()[:-40])[1]
    assert rows[-1].gaps["cut-file"] == 1


def test_events_without_a_stream_tell_no_environments_apart() -> None:
    told = {"events": [{"message": start(1, "a")}]}
    (row,) = read(json.dumps(told).encode())[1]
    assert row.missing == {"no-stream": 1}


def test_results_of_queries() -> None:
    text = (
        "@logStream,low,high,starts,named,first,last\n"
        f"{stream(1)},a,b,10,10,2026-11-25 10:00:00.000,2026-11-25 11:00:00.000\n"
        f"{stream(2)},a,a,10,8,x,y\n"
        f"{stream(3)},*****,*****,3,3,,\n"
        "nothing,a,a,1,1,,\n"
        f"{stream(4)},a,a,many,1,,\n"
        f"{stream(5)},a,,4,4,,\n"
    )
    rows = read(text.encode(), "q.csv")[1]
    assert [row.shared for row in rows] == [True, *[False] * 5]
    assert rows[1].unnamed == 2
    kinds = ["masked-tenant", "no-stream", "unreadable-line", "unreadable-line"]
    assert [row.missing for row in rows[2:]] == [{kind: 1} for kind in kinds]
    by_tenant = f"@logStream,record.tenantId,starts,named\n{stream(1)},a,1,1\n{stream(1)},b,1,1\n"
    one, other = read(by_tenant.encode(), "q.csv")[1]
    assert (one.low and one.low.tenant, other.high and other.high.tenant) == ("a", "b")
    assert read(b"stream,low,starts,named\n")[0] == "lines"  # without the largest one it tells nothing
    many = "stream,low,high,starts,named\n" + "".join(f"{stream(n)},a,a,1,1\n" for n in range(10_000))
    assert read(many.encode(), "q.csv")[1][-1].gaps == {"cut-result": 1}


def test_rows_that_are_none_are_refused_with_their_line() -> None:
    row = encoded(Row(stream="s")) + b"\n"
    assert read(header() + b"\n" + row + footer(1) + b"\n")[1] == [Row(stream="s")]
    whole = header() + b"\n" + row + b"{}\n" + footer(2) + b"\n"
    for text, said in (
        (whole, "line 3: not a row"),
        (header() + b"\n" + row, "is cut"),
        (header() + b"\n" + footer(1) + b"\n", "is cut"),
        (header() + b"\n" + footer(0) + b"\n" + row, "line 3: not a row"),
        (header().replace(b'"version":1', b'"version":2') + b"\n", "line 1: not a row"),
    ):
        with pytest.raises(UsageError, match=said):
            read(text)
    with pytest.raises(UsageError, match="line 1: not a row"):
        rows_in("f", io.BytesIO(row + footer(1) + b"\n"), Wanted({}, "rows"))


def test_what_can_not_be_opened_is_a_gap_and_what_is_not_there_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert rows_of(str(tmp_path / "pipe"), WANTED)[1][0].gaps == {"unread-file": 1}
    assert rows_of(str(tmp_path / "gone"), WANTED)[1][0].gaps == {"unread-file": 1}
    with pytest.raises(UsageError, match="No such file"):
        list(files_in([str(tmp_path / "gone")]))


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can take a folder away from somebody, and become somebody else"
)
def test_a_folder_that_can_not_be_read_is_a_gap(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0)
    (tmp_path / "f").write_bytes(TWO)
    os.seteuid(65534)
    try:
        found = list(files_in([str(tmp_path)])) if os.access(tmp_path, os.R_OK, effective_ids=True) else []
    finally:
        os.seteuid(0)
    if found:
        assert found == [str(tmp_path / "f"), str(tmp_path / "closed")]
        assert rows_of(found[1], WANTED)[1][0].gaps == {"unread-file": 1}


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_bytes(TWO)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "round").symlink_to(tmp_path / "logs")
    assert len(list(files_in([str(tmp_path / "logs")]))) == 1


def test_any_padding_stands_between_members() -> None:
    packed = gzip.compress(TWO, mtime=0)
    for zeros in (1, 1_000, 131_072, 262_144, 400_000):
        (row,) = read(packed + b"\0" * zeros + packed)[1]
        assert (row.gaps, row.starts, row.spans[0].reports) == ({}, 2, 4)


def test_what_is_packed_twice_is_unpacked_twice() -> None:
    inner = gzip.compress(TWO, mtime=0) * 3
    name, (row,) = read(gzip.compress(inner, mtime=0))
    assert (name, row.spans[0].reports, row.gaps) == ("lines", 6, {})
    (row,) = read(gzip.compress(inner, mtime=0)[:-20])[1]
    assert row.gaps == {"cut-file": 1}


def test_a_record_without_end_costs_no_more_than_its_length() -> None:
    """Half a million places that look like the end of one: each is tried with little around it."""
    begun = time.process_time()
    read(b'{"messageType":1' + b'}{"' * 400_000)
    assert time.process_time() - begun < 20  # an hour, where each is tried with all before it


def test_a_name_of_any_bytes_is_shown(tmp_path: Path) -> None:
    path = os.fsdecode(bytes(tmp_path) + b"/\xff.log")
    Path(path).write_bytes(TWO)
    (row,) = rows_of(path, WANTED)[1]
    assert row.stream.endswith("\\xff.log")
    assert encoded(row)


def test_a_byte_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(gzip.compress(b"a\nbb\nccc\n" * 500_000, mtime=0))
    assert [line_at(str(path), byte) for byte in (1, 2, 5, 9, 2_250_000, 10**9)] == [1, 2, 3, 4, 750_001, 0]
    assert line_at(str(tmp_path / "gone"), 1) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        gzip.compress(b"", mtime=0),
        b"\x1e" + gzip.compress(TWO, mtime=0)[1:],
        TWO.decode().encode("utf-16"),
        b'{"type":"header"}\n' + TWO,
        b'{"data":{"events":[]}}',
        b'{"events":[]}',
        b"just some text\n",
    ],
)
def test_a_file_that_tells_nothing_is_missed_beside_good_ones(data: bytes) -> None:
    """It may hold what the others hide."""
    good = read("".join(f"{line}\n" for n in range(5) for line in invocation(n, "a")).encode())[1]
    merged_ = [each for row in read(data)[1] for each in (merged(good[0], row) if row.key == good[0].key else row,)]
    assert any(row.missing for row in merged_)


def test_what_stands_behind_a_line_break_of_a_message_is_the_functions() -> None:
    """A function that prints another one's log."""
    shipped = "shipped:\n" + "\n".join(invocation(7, "b"))
    lines = [*invocation(1, "a"), shipped, *invocation(2, "a")]
    records = b"".join(json.dumps(each).encode() for each in deliveries({stream(1): lines}, size=50))
    told = {"events": [{"logStreamName": stream(1), "message": line} for line in lines]}
    for data in (records, json.dumps(told).encode()):
        (row,) = read(data)[1]
        assert (row.shared, row.starts) == (False, 2)
    exported = "".join(f"2026-11-25T10:00:00.000Z {line}\n" for line in lines)
    assert not read(exported.encode())[1][0].shared


def test_a_text_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LONGEST_TEXT", 1 << 20)
    rows = read(b'{"events":[{"message":"' + b"a" * (64 << 20))[1]
    assert rows[-1].gaps["cut-file"] == 1


def test_a_name_without_end_costs_nothing() -> None:
    begun = time.process_time()
    read(json.dumps({"messageType": "DATA_MESSAGE", "logStream": "2025-11-25-" * 24_000, "logEvents": []}).encode())
    assert time.process_time() - begun < 5


def test_a_key_in_three_pieces_is_found() -> None:
    told = json.dumps({"events": [{"logStreamName": stream(1), "message": start(1, "a")}], "nextToken": "x"}).encode()
    at = told.index(b"nextToken")
    members = [told[: at + 3], told[at + 3 : at + 5], told[at + 5 :]]
    rows = read(b"".join(gzip.compress(member, mtime=0) for member in members))[1]
    assert {"cut-result": 1} in [row.gaps for row in rows]


def test_a_quote_that_is_lost_hides_no_rows() -> None:
    text = f'@logStream,low,high,starts,named,last\n{stream(1)},a,a,1,1,"x\n{stream(2)},a,b,1,1,"y"\n'
    rows = read(text.encode(), "q.csv")[1]
    assert any(row.gaps for row in rows)


def test_a_time_of_insights_is_the_platforms() -> None:
    at = "2026-11-25 10:00:00.001"
    text = f"@logStream,low,high,starts,named,first,last\n{stream(1)},a,a,1,1,{at},{at}\n"
    (row,) = read(text.encode(), "q.csv")[1]
    (other,) = read(f"{start(1, 'a')}\n".encode())[1]
    assert merged(row, other).starts == 1


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_read(data: bytes, packed: bool) -> None:
    name, rows = read(gzip.compress(data, mtime=0) if packed else data)
    assert name
    assert all(isinstance(row, Row) for row in rows)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_document_is_read(document: object) -> None:
    for told in (
        {"events": document},
        {"events": [document]},
        {"messageType": document},
        {"messageType": "DATA_MESSAGE"},
    ):
        read(json.dumps(told).encode())
    read(json.dumps({"type": "platform.start", "record": document, "tenantId": document}).encode())


def test_blocks_of_what_is_no_gzip() -> None:
    def told(data: bytes) -> Iterator[bytes]:
        yield from blocks_of(io.BytesIO(data))

    assert b"".join(told(b"plain" * 100_000)) == b"plain" * 100_000
    assert b"".join(told(b"\x1f\x8b")) == b""
