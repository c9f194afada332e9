"""Text from outside, made harmless to show."""

from __future__ import annotations

import hashlib
import unicodedata

#: Controls, invisible formatting (also what turns the writing direction), surrogates, private use, separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown_id(id_: str, limit: int = 60) -> str:
    """A tenant id to show: long ones by their beginning and end, with their length and a mark that tells those apart
    which differ in the middle."""
    if len(id_) <= limit:
        return printable(id_)
    mark = hashlib.sha256(id_.encode("utf-8", "replace")).hexdigest()[:6]
    return printable(f"{id_[:20]}…{id_[-12:]} ({len(id_)} characters, {mark})")


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
