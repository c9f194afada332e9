"""Ids that a careless comparison takes for another one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

#: Longest id that Lambda takes.
MAX_LENGTH = 256
#: Longest label of a host name.
MAX_LABEL = 63
#: Lengths that ids are cut to by columns, keys and labels of the parts they pass through; the pair of the longest ids
#: stands for all of them, these say which one it is.
_CUTS = (8, 32, 64, 128)


class Lookalike(NamedTuple):
    """An id that nobody uses."""

    id: str
    form: str
    sibling: str
    """The id it is mistaken for."""


def lookalikes(ids: Sequence[str], place: str) -> Iterator[Lookalike]:
    """Look-alikes of tenants whose id travels in `place` (see `Plan.tenant_place`).

    First a pair of 256 characters that differ in the last one, which catches every cut up to 255. Then every simple
    form once, spread over the tenants; the forms of the place, those that differ behind fewer equal characters, and
    the simple forms of the other tenants. A sibling that is no tenant comes before its look-alikes.
    """
    longest = longest_of(ids[0], place)
    if longest != ids[0]:
        yield Lookalike(longest, "common prefix", ids[0])
    yield _behind(longest, len(longest) - 1)
    yield from _simple(ids, turn=0)
    yield from of_place(ids[0], place)
    for cut in _CUTS:
        if cut < len(longest) - 1:
            yield _behind(ids[0] if cut < len(ids[0]) else longest, cut)
    for turn in range(1, len(ids)):
        yield from _simple(ids, turn)


def longest_of(id_: str, place: str) -> str:
    """The longest id that begins with `id_` and can travel there."""
    # The longest label of a host name: RFC 1035, 2.3.4.
    most = MAX_LABEL if place == "host" else MAX_LENGTH
    return (id_ + "-" + "x" * most)[:most] if len(id_) < most else id_


def _behind(sibling: str, cut: int) -> Lookalike:
    """An id that differs from its sibling in the character behind the first `cut`."""
    return Lookalike(_differing(sibling, cut), f"a character behind the first {cut}", sibling)


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


def in_place(id_: str, place: str) -> str | None:
    """An id as whoever reads it in `place` tells it from others; None where it can't travel there unchanged."""
    if place == "host":
        # Names ignore case, and a label has letters, digits and hyphens inside: RFC 1123, 2.1.
        return id_.lower() if _LABEL.fullmatch(id_) else None
    return id_


_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
