"""Text from outside, made harmless to show."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

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
    """JSON in ASCII: whatever else stands in its texts is escaped, so that it can be shown anywhere. Half of a
    surrogate pair, which readers refuse, becomes U+FFFD."""
    return text if text.isascii() and text.isprintable() else _BEYOND_ASCII.sub(_escaped, text)


def json_text(document: Any) -> str:
    """A document as indented JSON in ASCII, ending in a line break."""
    return ascii_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def _escaped(match: re.Match[str]) -> str:
    if 0xD800 <= ord(match.group()) < 0xE000:
        return "\\ufffd"
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
