"""Rows merge in any order and any number of times, and the verdict is the same; nothing that is taken away "
"makes a pass."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck.logs.facts import Facts
from tenantcheck.logs.judge import About, judged
from tenantcheck.logs.rows import Row, decoded, encoded, merged, stream_in
from tenantcheck.logs.scanner import Scan
from tenantcheck.logs.store import RowStore
from tenantcheck.model import Verdict
from tests.logs.lines import done, invocation, report, request_id, said, start

STREAMS = [f"2026/11/25/[$LATEST]{n:032x}" for n in range(4)]


def row_of(stream: str, lines: Sequence[str]) -> Row:
    scan = Scan(stream_in(stream), file="f")
    scan.feed("".join(f"{line}\n" for line in lines).encode())
    return scan.row()


def verdict_of(parts: Sequence[Row]) -> Verdict:
    with RowStore() as store:
        store.add(parts)
        return judged(Facts().add(store.merged()), About(target="t", sources=("s",)))


def verdict_on(lines: Sequence[tuple[str, str]]) -> Verdict:
    """The verdict on lines, each with its stream."""
    return verdict_of(
        [row_of(name, [text for own, text in lines if own == name]) for name in {own for own, _ in lines}]
    )


NUMBERS = st.integers(0, 9)
NAMES = st.sampled_from(["a", "b"])
LINE = st.one_of(
    st.builds(start, NUMBERS, NAMES),
    st.builds(start, NUMBERS),
    st.builds(done, NUMBERS, NAMES),
    st.builds(report, NUMBERS, NAMES),
    st.builds(report, NUMBERS),
    st.builds(said, NUMBERS, NAMES),
    st.builds(lambda n: f"START RequestId: {request_id(n)} Version: $LATEST", NUMBERS),
)
PLACED = st.tuples(st.sampled_from(STREAMS), LINE)
PART = st.builds(row_of, st.just(STREAMS[0]), st.lists(LINE, max_size=12))


def told(row: Row) -> tuple[Any, ...]:
    """What of a row decides a verdict."""
    return (
        row.low and row.low.tenant,
        row.high and row.high.tenant,
        row.unnamed > 0,
        row.starts > 0,
        sorted(row.missing),
        row.said,
        row.starts,
    )


@settings(max_examples=200)
@given(PART, PART, PART)
def test_merging_is_associative_and_commutative(one: Row, two: Row, three: Row) -> None:
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert merged(one, two) == merged(two, one)


@settings(max_examples=200)
@given(PART, PART)
def test_merging_is_idempotent_in_what_decides(one: Row, two: Row) -> None:
    both = merged(one, two)
    assert told(merged(both, one)) == told(both)
    assert told(merged(both, both)) == told(both)


@settings(max_examples=100)
@given(PART)
def test_a_row_survives_its_file(row: Row) -> None:
    assert decoded(encoded(row)) == row


@settings(max_examples=200)
@given(st.lists(PLACED, max_size=30), st.lists(PLACED, max_size=10))
def test_adding_lines_never_turns_a_fail_into_a_pass(
    lines: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    if verdict_on(lines).outcome == "fail":
        assert verdict_on([*lines, *more]).outcome == "fail"


@settings(max_examples=200)
@given(st.lists(PLACED, max_size=30), st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_lines_change_no_verdict(
    lines: list[tuple[str, str]], rng: random.Random
) -> None:
    before = verdict_on(lines).outcome
    shuffled = [*lines]
    rng.shuffle(shuffled)
    assert verdict_on(shuffled).outcome == before
    twice = [row_of(name, [text for own, text in lines if own == name]) for name in {own for own, _ in lines}]
    assert verdict_of([*twice, *twice]).outcome == before


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from(STREAMS[:2]), NAMES), min_size=4, max_size=12),
    st.randoms(use_true_random=False),
)
def test_cutting_or_masking_lines_never_makes_a_pass_of_a_fail(
    ran: list[tuple[str, str]], rng: random.Random
) -> None:
    """
    Given invocations of two tenants, so that an environment may be shared
    When some of their lines are cut in the middle, or their tenants masked, but for those of the conflict
    Then what failed fails.
    """
    lines = [(stream, line) for n, (stream, tenant) in enumerate(ran) for line in invocation(n, tenant)]
    if verdict_on(lines).outcome != "fail":
        return
    shared = next(s for s in STREAMS[:2] if {t for own, t in ran if own == s} == {"a", "b"})
    kept = [next(i for i, each in enumerate(ran) if each == (shared, name)) for name in "ab"]
    safe = {line for i in kept for line in invocation(i, ran[i][1])}
    damaged = [
        (s, line if line in safe or rng.random() < 0.4 else rng.choice([line[:-7], mask(line)])) for s, line in lines
    ]
    assert verdict_on(damaged).outcome == "fail"
    # Without the safe lines it may be less than a fail, and is no pass: cut and masked lines are gaps.
    hurt = [(s, mask(line)) for s, line in lines]
    assert verdict_on(hurt).outcome == "inconclusive"


def mask(line: str) -> str:
    return line.replace('"tenantId":"a"', '"tenantId":"*"').replace('"tenantId":"b"', '"tenantId":"*"')


def test_what_is_read_twice_is_no_reuse() -> None:
    """Two environments that served once each: whoever reads their logs twice has seen no more."""
    once = [row_of(STREAMS[0], invocation(1, "a")), row_of(STREAMS[1], invocation(2, "b"))]
    for parts in (once, once * 2, once * 5):
        told = verdict_of(parts)
        assert told.outcome == "inconclusive"
        assert told.evidence.reuses == 0  # type: ignore[union-attr]
    later = [row_of(STREAMS[0], invocation(8, "a")), *once]
    assert verdict_of([*later, *later]).evidence.reuses == 1  # type: ignore[union-attr]


def test_every_spelling_of_a_stream_is_one_environment() -> None:
    digits = "0123456789abcdef" * 2
    names = [f"2026/11/25/[$LATEST]{digits}", f"2026/11/25/orders[$LATEST]{digits}", f"2026/11/26/orders[7]{digits}"]
    parts = [row_of(name, invocation(n, tenant)) for n, (name, tenant) in enumerate(zip(names, "aab", strict=True))]
    assert verdict_of(parts).outcome == "fail"


class TestStore:
    def rows(self, count: int = 500) -> list[Row]:
        rng = random.Random(1)
        return [
            row_of(f"2026/11/25/[$LATEST]{rng.randrange(150):032x}", invocation(n, rng.choice(["a", "b"])))
            for n in range(count)
        ]

    def test_beyond_memory_the_rows_are_the_same_and_in_the_same_order(self) -> None:
        rows = self.rows()
        with RowStore() as store:
            store.add(rows)
            expected = list(store.merged())
        with RowStore(most_in_memory=20) as small:
            small.add(rows[:250])
            assert len(list(small.merged())) > 100  # as a checkpoint asks in between
            small.add(rows[250:])
            assert list(small.merged()) == expected
