"""The scanner, held against one that reads line by line; and each gap by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck.logs.facts import Facts
from tenantcheck.logs.rows import Row, merged, stream_in
from tenantcheck.logs.scanner import MAX_LINE, Scan
from tests.logs.lines import (
    HEX,
    STREAM,
    done,
    init,
    invocation,
    moment,
    read_plainly,
    record,
    report,
    request_id,
    said,
    start,
)


def scanned(lines: list[str] | str, size: int = 1 << 20, stream: str | None = STREAM, **told: Any) -> Row:
    """The row of some lines, handed over in blocks of a size."""
    text = lines if isinstance(lines, str) else "".join(f"{line}\n" for line in lines)
    scan = Scan(stream_in(stream) if stream is not None else None, file="f", **told)
    data = text.encode()
    for at in range(0, len(data), size):
        scan.feed(data[at : at + size])
    return scan.row()


def test_a_healthy_stream() -> None:
    row = scanned([init(), *(line for n in range(1, 40) for line in (*invocation(n, "acme"), said(n, "acme")))])
    assert (row.starts, row.unnamed, row.missing, row.shared, row.said) == (39, 0, {}, False, None)
    assert row.low is not None
    assert row.low == row.high
    assert (row.low.tenant, row.low.request_id, row.low.line) == ("acme", request_id(1), 2)
    assert (row.stream, row.function, row.version) == (STREAM, "orders", "$LATEST")
    assert (row.account, row.region) == ("123456789012", "eu-west-1")
    assert (row.first, row.last) == (moment(1), moment(39))
    assert row.open_reports == ()


def test_two_tenants_are_shown_with_both_requests() -> None:
    row = scanned([*invocation(1, "b"), *invocation(2, "b"), *invocation(3, "a"), *invocation(4, "b")])
    assert row.shared
    assert row.low is not None
    assert row.high is not None
    assert [(at.tenant, at.request_id, at.line) for at in (row.low, row.high)] == [
        ("a", request_id(3), 7),
        ("b", request_id(1), 1),
    ]


def test_a_tenant_that_only_a_report_names_counts() -> None:
    assert scanned([*invocation(1, "a"), done(2, "b")]).shared
    assert scanned([*invocation(1, "a"), report(2, "b")]).shared


GAPS: dict[str, tuple[list[str], dict[str, int]]] = {
    "text format": (["START RequestId: " + request_id(1) + " Version: $LATEST"], {"text-format": 1}),
    "masked": ([start(1, "*****")], {"masked-tenant": 1}),
    "not Lambda's pattern": ([start(1, "a\nb")], {"invalid-tenant": 1}),
    "cut": ([start(1, "a")[:-9]], {"unreadable-line": 1}),
    "a key twice": ([start(1, "a")[:-2] + ',"tenantId":"b"}}'], {"duplicate-key": 1}),
    "two records": ([start(1, "a")[:-1] + ',"record":{"requestId":"x"}}'], {"duplicate-key": 1}),
    "dropped": ([*invocation(1, "a"), record("logsDropped", 2)], {"logs-dropped": 1}),
    "another folder": ([init(STREAM.replace("0123", "9999")), *invocation(1, "a")], {"other-stream": 1}),
    "a start without its record": (['{"type":"platform.start"}'], {"unreadable-line": 1}),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_has_its_name(name: str) -> None:
    lines, gaps = GAPS[name]
    assert scanned(lines).missing == gaps


def test_a_report_without_start_and_tenant_is_blind() -> None:
    assert scanned([report(1)]).missing == {"no-tenant-in-report": 1}
    assert scanned([start(1, "a"), report(1)]).missing == {}
    assert scanned([report(1), start(1, "a")]).missing == {}  # order proves nothing
    assert scanned([report(1, "a")]).missing == {}  # it says itself whose it was
    assert scanned([start(1, "a"), report(1), report(2)]).missing == {"no-tenant-in-report": 1}


def test_both_formats_in_one_stream_are_a_gap_in_any_order() -> None:
    """One of them is not the platform's, and nothing says which."""
    text = f"START RequestId: {request_id(7)} Version: $LATEST"
    for lines in ([text, *invocation(1, "a")], [*invocation(1, "a"), text]):
        assert scanned(lines).missing == {"mixed-format": 1}


def test_a_line_longer_than_an_event_is_left_out_and_said() -> None:
    long = json.dumps({"message": "x" * (2 * MAX_LINE), "tenantId": "b"})
    row = scanned([*invocation(1, "a"), long, *invocation(2, "a")], size=1 << 16)
    assert (row.starts, row.gaps, row.said) == (2, {"long-line": 1}, None)


def test_text_format_is_read_where_a_run_says_whom_it_asked_for() -> None:
    lines = [f"START RequestId: {request_id(n)} Version: $LATEST" for n in range(3)]
    sent = {request_id(0): "a", request_id(1): "b"}
    row = scanned(lines, sent=sent)
    assert (row.shared, row.starts, row.missing) == (True, 3, {"text-format": 1})


def test_a_report_in_text_format_says_whose_it_was_as_a_start_does() -> None:
    lines = [
        f"START RequestId: {request_id(0)} Version: $LATEST",
        f"REPORT RequestId: {request_id(0)}\tDuration: 1 ms",
    ]
    lines += [f"END RequestId: {request_id(1)}", f"REPORT RequestId: {request_id(1)}\tDuration: 1 ms"]
    sent = {request_id(0): "a", request_id(1): "b"}
    assert scanned(lines, sent=sent).shared
    assert not scanned([*lines[:2], f"invoked: START RequestId: {request_id(1)} Version: $LATEST"], sent=sent).shared
    fronted = [f"{moment(n)} {line}" for n, line in enumerate(lines)]
    assert scanned(fronted, sent=sent).shared


def test_what_is_delivered_twice_is_no_reuse() -> None:
    assert scanned([*invocation(1, "a"), *invocation(1, "a")]).starts == 1
    assert scanned([line for _ in range(2) for n in range(40) for line in invocation(n, "a")]).starts == 40


def test_a_foreign_tenant_is_kept_beside_the_own_one() -> None:
    """The function's lines stand in one part, what the platform says in another."""
    part = scanned([said(1, "a"), said(2, "z")])
    both = merged(part, scanned(invocation(1, "a")))
    facts = Facts().add([both])
    assert facts.said.total == 1


def test_a_start_without_tenant_is_counted_and_shown() -> None:
    row = scanned([*invocation(1), *invocation(2, "a"), *invocation(3)])
    assert (row.starts, row.unnamed, row.missing) == (3, 2, {})
    assert row.unnamed_at is not None
    assert row.unnamed_at.request_id == request_id(1)


def test_a_foreign_tenant_in_a_line_of_the_function() -> None:
    row = scanned([start(1, "a"), said(1, "b"), report(1, "a")])
    assert not row.shared
    assert row.said is not None
    assert (row.said.tenant, row.said.line) == ("b", 2)
    # What the platform itself names is no such thing.
    assert scanned([start(1, "a"), said(1, "b"), start(2, "b")]).said is None


def test_without_a_name_nothing_tells_environments_apart() -> None:
    """Not even what the platform says of one of them: the others may be in the same file."""
    row = scanned([init(), *invocation(1, "a"), *invocation(2, "b")], stream=None)
    assert (row.stream, row.key, row.shared, row.missing) == ("f", "f", False, {"no-stream": 1})


def test_starts_that_are_not_there_are_missed() -> None:
    whole = [line for n in range(20) for line in invocation(n, "a")]
    without = [line for line in whole if '"platform.start"' not in line or '-00000000000a"' in line]
    assert scanned(without).missing == {"no-start-of-report": 18}
    assert scanned(whole[1:]).missing == {}  # a window begins in the middle of an invocation
    assert scanned([line for line in whole if '"platform.start"' not in line]).missing == {"no-start-of-report": 19}


def test_a_start_that_names_another_tenant_is_not_hidden_by_lines_that_end_alike() -> None:
    stale = start(9, "a").partition('"record":')[2]
    lines = [start(1, "a"), report(1), start(2, "b"), '{"context":' + stale, report(2)]
    for size in (50, 1 << 20):
        assert scanned(lines, size).shared


def test_the_time_in_front_of_a_line_of_an_export() -> None:
    lines = [f"{moment(5)} {line}" for n in range(9) for line in invocation(n, "a")]
    assert scanned(lines).starts == 9
    assert scanned([*lines, f"{moment(5)} {start(10, 'b')}"]).shared


@pytest.mark.parametrize(
    "text",
    [
        "logs/2026-11-25-[$LATEST]" + HEX + "/000000.gz",
        "aws/lambda/orders/2026/11/25/[$LATEST]" + HEX + ".jsonl",
        STREAM,
    ],
)
def test_every_spelling_of_a_stream_is_one(text: str) -> None:
    found = stream_in(text)
    assert found is not None
    assert found.name == STREAM
    shared = stream_in(f"2026-11-25-my-fn[7]{HEX}")
    assert shared is not None
    assert (shared.name, shared.function, shared.version) == (f"2026/11/25/my-fn[7]{HEX}", "my-fn", "7")


TENANTS = st.sampled_from(["a", "a", "a", "a", "b", "c", "****", 5])
NUMBERS = st.integers(0, 12)
HOSTILE = st.sampled_from(
    [
        "",
        "{",
        "platform.start",
        '"platform.start"',
        'x {"type":"platform.start","record":{"requestId":"',
        '{"a":"\\"platform.start\\",\\"record\\":{\\"requestId\\":\\"x\\",\\"tenantId\\":\\"b\\"}"}',
        '{"tenantId":{"a":1}}',
        '{"type":"platform.start","record":null}',
        "[" * 200,
        '","functionArn":"x","version":"$LATEST","tenantId":"a"}}',
        "tenantId",
        '"tenantId":"b"',
        "\udcff".encode("utf-8", "replace").decode(),
        "START RequestId: x",
    ]
)
LINES = st.one_of(
    st.builds(start, NUMBERS, TENANTS),
    st.builds(start, NUMBERS),
    st.builds(report, NUMBERS, TENANTS),
    st.builds(report, NUMBERS),
    st.builds(done, NUMBERS, TENANTS),
    st.builds(said, NUMBERS, st.sampled_from(["a", "b"])),
    st.builds(lambda n: f"START RequestId: {request_id(n)} Version: $LATEST", NUMBERS),
    HOSTILE,
)


@settings(max_examples=400)
@given(st.lists(LINES, max_size=40), st.sampled_from([7, 100, 400, 1 << 20]))
def test_it_finds_what_reading_line_by_line_finds(lines: list[str], size: int) -> None:
    """Whatever the order and the blocks: the same tenants, and never a nameless start or a blind report less."""
    plain, row = read_plainly(lines), scanned(lines, size)
    named = {at.tenant for at in (row.low, row.high) if at is not None}
    assert named == ({min(plain.tenants), max(plain.tenants)} if plain.tenants else set())
    unread = row.gaps.get("unreadable-line", 0)
    assert row.unnamed + unread >= plain.unnamed
    assert row.starts + unread >= plain.starts - plain.text
    if not unread:
        assert row.missing.get("text-format", 0) == (plain.text if plain.starts == plain.text else 0)
        assert row.missing.get("mixed-format", 0) == (plain.text if plain.starts != plain.text else 0)
    assert bool(row.gaps.get("masked-tenant")) == bool(plain.masked)
    # A report that is there twice may look like one without a start: never the other way round.
    assert ("no-tenant-in-report" in row.missing) >= bool(plain.blind and not plain.reports_name)
    if len(lines) == len(set(lines)):
        assert ("no-tenant-in-report" in row.missing) == bool(plain.blind and not plain.reports_name)
    foreign = plain.said - plain.tenants
    if row.low is not None and not row.shared:
        assert (row.said.tenant if row.said is not None else None) in (None, *foreign)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["a", "b"]), min_size=2, max_size=60), st.integers(50, 5000))
def test_a_breach_planted_anywhere_is_found(tenants: list[str], size: int) -> None:
    lines = [line for n, tenant in enumerate(tenants) for line in (*invocation(n, tenant), said(n, tenant))]
    assert scanned(lines, size).shared == (len(set(tenants)) == 2)
