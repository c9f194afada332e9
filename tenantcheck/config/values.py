"""Values of a configuration: each is known, with the place where it stands, or unknown, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias


class Place(NamedTuple):
    """Where something is written. Lines and columns count from 1; 0 where there are none (live settings)."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """A value: text, a mapping, a sequence, or null. Numbers and truth values are kept as they are written."""

    value: str | Mapping[str, Value] | Sequence[Value] | None
    place: Place
    """Of its key, where it has one."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What can't be told before it is deployed."""

    why: str
    place: Place


Value: TypeAlias = Known | Unknown


def text_of(value: Value | None) -> str | None:
    """A scalar as text."""
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else None


def truth(value: Value | None) -> bool | None:
    """A truth value as YAML, JSON and CloudFormation write it; None where it is none."""
    return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
        (text_of(value) or "").lower()
    )


def settled(value: Value | None) -> Value | None:
    """A value that must be plain, such as a mode: one with a name in it is known at deployment only."""
    if isinstance(value, Known) and (not isinstance(value.value, str) or "${" in value.value):
        return Unknown("it is known at deployment only", value.place)
    return value


def mapping_of(value: Value | None) -> Mapping[str, Value]:
    """The entries of a mapping; none where it is something else."""
    return value.value if isinstance(value, Known) and isinstance(value.value, Mapping) else {}


def elements_of(value: Value | None) -> Sequence[Value]:
    """The elements of a sequence; a single value is a sequence of one, as CloudFormation takes it."""
    if value is None:
        return ()
    if isinstance(value, Known) and isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return value.value
    return (value,)


def moved(value: Value, place: Place) -> Value:
    """The same value, written at another place."""
    return replace(value, place=place)


def plain(given: object, place: Place, depth: int = 0) -> Value:
    """A value out of plain Python data, such as a service's answer. All of it stands at one place."""
    if depth > _DEEPEST:
        return Unknown("it is nested too deeply", place)
    if isinstance(given, Mapping):
        return Known({str(key): plain(each, place, depth + 1) for key, each in given.items()}, place)
    if isinstance(given, list | tuple):
        return Known([plain(each, place, depth + 1) for each in given], place)
    if given is None:
        return Known(None, place)
    return Known(str(given).lower() if isinstance(given, bool) else str(given), place)


_DEEPEST = 64
#: Values that a search looks at: an alias can stand for any number of them.
_MOST_WALKED = 20_000


def walked(value: Value | None) -> Iterator[tuple[tuple[str, ...], Value]]:
    """Every value of a tree that has a key, with the keys on the way to it. Each part of the tree is seen once."""
    waiting: list[tuple[tuple[str, ...], Value]] = [((), value)] if value is not None else []
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_WALKED:
        path, each = waiting.pop()
        if isinstance(each, Unknown) or id(each.value) in seen:
            continue
        if not isinstance(each.value, str):
            seen.add(id(each.value))
        for key, entry in mapping_of(each).items():
            yield (*path, key), entry
            waiting.append(((*path, key), entry))
        if isinstance(each.value, Sequence) and not isinstance(each.value, str):
            waiting += [((*path, str(position)), entry) for position, entry in enumerate(each.value)]
