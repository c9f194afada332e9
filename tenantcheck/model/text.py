"""Text from outside, made harmless to show."""

from __future__ import annotations

import unicodedata

#: Controls, invisible formatting (also what turns the writing direction), surrogates, private use, separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, limit: int = 256) -> str:
    """At most `limit` characters; whatever could steer a terminal or hide is replaced by U+FFFD."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join("\ufffd" if unicodedata.category(character) in _HIDDEN else character for character in shown)
