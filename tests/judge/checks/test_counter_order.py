"""`counter-order`: empty, good, bad."""

from __future__ import annotations

from tests.notation import found, short, with_witness


def test_a_higher_count_came_back_first() -> None:
    edit = {0: with_witness(invocation_count=9)}
    (finding, *_) = found("o a1 b2 | r a1", "counter-order", edit=edit)
    assert short(finding) == ("weakness", ("a", "a"), "process-1", (0, 2))


def test_within_one_wave() -> None:
    edit = {2: with_witness(invocation_count=9)}
    (finding, *_) = found("o a1 b2 | r a1 a1", "counter-order", edit=edit)
    assert short(finding) == ("weakness", ("a", "a"), "process-1", (2, 3))


def test_back_at_the_base_is_a_restart() -> None:
    """A counter kept where the id survives a crash: 7, then 0, 1, 2."""
    edit = {
        0: with_witness(invocation_count=7),
        2: with_witness(invocation_count=0),
        3: with_witness(invocation_count=1),
        4: with_witness(invocation_count=2),
    }
    assert not found("o a1 b2 | r a1 a1 a1", "counter-order", edit=edit)
