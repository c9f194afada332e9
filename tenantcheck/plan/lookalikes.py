"""Ids that a careless comparison takes for another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

#: Longest id that Lambda takes.
MAX_LENGTH = 256
#: Lengths that ids are cut to by columns, keys and labels of the parts they pass through.
_CUTS = (8, 32, 64, 128, 255)


class Lookalike(NamedTuple):
    """An id that nobody uses."""

    id: str
    form: str
    sibling: str
    """The id it is mistaken for."""


def lookalikes(ids: Sequence[str], place: str) -> Iterator[Lookalike]:
    """Look-alikes of tenants whose id travels in `place` (see `Plan.tenant_place`).

    Every simple form comes once, spread over the tenants; then the forms of the place, those that differ behind many
    equal characters, and the simple forms of the other tenants. A sibling that is no tenant comes before its
    look-alikes.
    """
    yield from _simple(ids, turn=0)
    yield from of_place(ids[0], place)
    yield from _behind_many_characters(ids[0])
    for turn in range(1, len(ids)):
        yield from _simple(ids, turn)


def _simple(ids: Sequence[str], turn: int) -> Iterator[Lookalike]:
    for position, (form, changed) in enumerate(_SIMPLE.items()):
        id_ = ids[(turn + position) % len(ids)]
        yield Lookalike(changed(id_), form, id_)


def _differing(id_: str, at: int) -> str:
    """`id_` with another character at one position."""
    return id_[:at] + ("0" if id_[at] != "0" else "1") + id_[at + 1 :]


_SIMPLE: dict[str, Callable[[str], str]] = {
    "case": str.swapcase,
    # a dot, so that it is lost where ids are trimmed too
    "trailing character": lambda id_: id_ + ".",
    "common prefix": lambda id_: _differing(id_, len(id_) - 1),
    "leading zero": lambda id_: "0" + id_,
}


def of_place(id_: str, place: str) -> Iterator[Lookalike]:
    """Forms of ids in a query or path, which are decoded on the way: a second decoding makes two of them equal."""
    kind = place.partition(":")[0]
    if kind not in ("query", "path"):
        return
    yield Lookalike(f"{id_[:-1]}%{ord(id_[-1]):02X}", "percent form", id_)
    if kind == "query":
        spaced = id_ + " 0"
        yield Lookalike(spaced, "common prefix", id_)
        yield Lookalike(id_ + "+0", "plus form", spaced)


def _behind_many_characters(id_: str) -> Iterator[Lookalike]:
    """Differences that are cut off where ids are. Those past the end of the tenant's id are told from a long id that
    begins with it."""
    longest = (id_ + "-" + "x" * MAX_LENGTH)[:MAX_LENGTH]
    if longest != id_:
        yield Lookalike(longest, "common prefix", id_)
    for cut in _CUTS:
        sibling = id_ if cut < len(id_) else longest
        yield Lookalike(_differing(sibling, cut), f"a character behind the first {cut}", sibling)
