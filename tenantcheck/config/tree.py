"""YAML and JSON → values with their places. The file is hostile: its size, its depth and the number of its values are
bounded, and an alias stands for one value however often it is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tenantcheck.config.values import Known, Place, Unknown, Value, mapping_of, moved
from tenantcheck.errors import UsageError

#: Bytes of a template or plan. CloudFormation takes templates of 1 MiB.
MAX_BYTES = 16 << 20
_MOST_VALUES = 400_000
_DEEPEST = 100
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class UnreadableError(UsageError):
    """A file that is no YAML or JSON."""


def parsed(content: bytes, file: str, at: Place | None = None) -> Value:
    """The document of a file. `at`: where all of it stands, if it is text within another one. Raises
    `UnreadableError`."""
    import yaml

    if len(content) > MAX_BYTES:
        raise UnreadableError(f"{file}: larger than {MAX_BYTES >> 20} MiB", "Name one template or plan.")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(file, yaml.parse(content, Loader=loader), at).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        problem = getattr(error, "problem", None) or "it holds characters that YAML forbids"
        raise UnreadableError(f"{file}{where}: neither YAML nor JSON: {problem}", "Mend the file.") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"{file}: neither YAML nor JSON", "Mend the file.") from error


class _Builder:
    """Values out of the parser's events."""

    def __init__(self, file: str, events: Iterator[Any], at: Place | None) -> None:
        self._at = at
        self._file = file
        self._events = events
        self._anchors: dict[str, Value] = {}
        self._count = 0

    def document(self) -> Value:
        for event in self._events:
            if type(event).__name__ not in ("StreamStartEvent", "DocumentStartEvent"):
                if type(event).__name__ == "StreamEndEvent":
                    break
                found = self._value(event, 0)
                if any(type(each).__name__ == "DocumentStartEvent" for each in self._events):
                    raise UnreadableError(f"{self._file}: several documents", "Put each into a file of its own.")
                return found
        return Known(None, Place(self._file, 1, 1))

    def _value(self, event: Any, depth: int) -> Value:
        kind = type(event).__name__
        place = self._at or Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            what = "nested too deeply" if depth > _DEEPEST else "too many values"
            raise UnreadableError(f"{self._file}, line {place.line}: {what}", "Name one template or plan.")
        if kind == "AliasEvent":
            known = self._anchors.get(event.anchor)
            return moved(known, place) if known else Unknown("an alias of what stands later", place)
        if kind == "ScalarEvent":
            null = event.implicit[0] and event.value in _NULLS and not event.tag
            value: Value = Known(None if null else event.value, place)
        elif kind == "MappingStartEvent":
            value = Known(self._mapping(depth), place)
        else:
            value = Known(self._sequence(depth), place)
        value = _called(event.tag, value)
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self, depth: int) -> list[Value]:
        found = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            found.append(self._value(event, depth + 1))
        return found

    def _mapping(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        merged: list[Value] = []
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key = self._value(event, depth + 1)
            value = moved(self._value(next(self._events), depth + 1), key.place)
            if isinstance(key, Unknown) or not isinstance(key.value, str | None):
                continue
            name = key.value if key.value is not None else "null"
            if name == "<<":
                merged += [value]
            elif name in found:
                found[name] = Unknown(f"the key {name} stands twice", key.place)
            else:
                found[name] = value
        for each in merged:
            for name, value in mapping_of(each).items():
                found.setdefault(name, value)
        return found


def _called(tag: str | None, value: Value) -> Value:
    """The short form of an intrinsic function as its long one."""
    if tag is None or not re.fullmatch("![A-Za-z0-9:]+", tag):
        return value
    name = tag[1:]
    return Known({name if name in ("Ref", "Condition") else f"Fn::{name.removeprefix('Fn::')}": value}, value.place)
