"""Text from outside, made harmless to show."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

#: Controls, invisible formatting (also what turns the writing direction), surrogates, private use, separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown_id(id_: str, limit: int = 60) -> str:
    """A tenant id to show: long ones by their beginning and end, with their length and a mark that tells those apart
    which differ in the middle."""
    if len(id_) <= limit:
        return printable(id_)
    mark = hashlib.sha256(id_.encode("utf-8", "replace")).hexdigest()[:6]
    return printable(f"{id_[:20]}…{id_[-12:]} ({len(id_)} characters, {mark})")


def listed(names: Iterable[str], word: str) -> str:
    """`a, b or c`."""
    *before, last = names
    return f"{', '.join(before)} {word} {last}" if before else last


#: Smaller chances are not told apart: nobody can check them.
_SMALLEST = 1e-12


def chance(probability: float) -> str:
    """A chance as a figure, never 0."""
    return f"< {_SMALLEST:g}" if probability < _SMALLEST else f"{probability:.2g}"


def printable(text: str, limit: int = 256) -> str:
    """At most `limit` characters; whatever could steer a terminal or hide is replaced by U+FFFD."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join("\ufffd" if unicodedata.category(character) in _HIDDEN else character for character in shown)


def harmless(text: str) -> str:
    """Lines of text, each of them as `printable` has it, whole."""
    return "\n".join(printable(line, len(line)) for line in text.split("\n"))


_BEYOND_ASCII = re.compile(r"[^\x20-\x7e\n]")


def ascii_json(text: str) -> str:
    """A JSON document in ASCII: whatever else stands in its texts is escaped, so that it can be shown anywhere."""
    return text if text.isascii() and text.isprintable() else _BEYOND_ASCII.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
