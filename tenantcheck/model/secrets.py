"""What a run sends and nobody may see: found again in what others wrote, as it is or in base64 or percent form."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import quote, quote_plus

#: Shorter values are looked for as whole texts only: as parts they are in many words.
_SHORTEST = 6
#: Base64 characters that a value has to give for certain, whatever stands around it.
_SHORTEST_BASE64 = 8
_MOST_CLEAN = 4_096

#: Headers that say nothing about who sends them.
_PLAIN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "host",
        "pragma",
        "user-agent",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-invocation-type",
        "x-amz-log-type",
    }
)
_SCHEMES = frozenset({"bearer", "basic", "token", "digest", "apikey", "aws4-hmac-sha256"})


class Secrets:
    """Values to keep out of everything that is stored or shown.

    Texts in which none was found are remembered: most come again and again.
    """

    def __init__(self, values: Iterable[str] = (), *, known: Collection[str] = ()) -> None:
        """`known` are texts that may be shown, whatever else they are: the ids of tenants."""
        self._known = frozenset(known)
        self._whole: set[str] = set()
        self._by_start: dict[str, list[str]] = {}
        self._clean: set[str] = set()
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Keep these out as well."""
        for value in values:
            if not value or value in self._known or value in self._whole:
                continue
            self._whole.add(value)
            self._clean.clear()
            for form in _forms(value):
                forms = self._by_start.setdefault(form[:_SHORTEST], [])
                if form not in forms:
                    forms.append(form)

    def add_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Keep the values of these headers out, and the parts of them that are secrets by themselves."""
        for name, value in headers:
            if name.lower() not in _PLAIN_HEADERS:
                self.add(_parts(name.lower(), value))

    def found_in(self, text: str) -> bool:
        """Whether a text holds one of them."""
        if not self._whole or text in self._clean or text in self._known:
            return False
        if text in self._whole:
            return True
        for at in range(len(text) - _SHORTEST + 1):
            forms = self._by_start.get(text[at : at + _SHORTEST])
            if forms is not None and any(text.startswith(form, at) for form in forms):
                return True
        if len(self._clean) < _MOST_CLEAN:
            self._clean.add(text)
        return False

    def __repr__(self) -> str:
        return "Secrets(…)"


def _forms(value: str) -> Iterator[str]:
    """A value as it may stand inside a text."""
    if len(value) < _SHORTEST:
        return
    yield value
    for quoted in (quote(value, safe=""), quote(value, safe="/"), quote_plus(value)):
        if quoted != value:
            yield quoted
            yield _lower_escapes(quoted)
    raw = value.encode("utf-8", "surrogateescape")
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        # The characters that no neighbour has a part in.
        certain = encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        if len(certain) >= _SHORTEST_BASE64:
            yield certain
            yield certain.replace("+", "-").replace("/", "_")


def _lower_escapes(quoted: str) -> str:
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _parts(name: str, value: str) -> Iterator[str]:
    """A header's value, and what in it is a secret by itself: a token behind its scheme, a password, a cookie."""
    yield value
    words = [word for word in value.replace(",", " ").split() if word.lower() not in _SCHEMES]
    yield from words
    if name in ("authorization", "proxy-authorization") and value.lower().startswith("basic ") and words:
        with suppress(binascii.Error, ValueError):
            yield base64.b64decode(words[0], validate=True).decode("utf-8", "replace").partition(":")[2]
    if "=" in value:
        yield from (part.partition("=")[2].strip() for part in value.replace(",", ";").split(";"))


def leaves(document: object, depth: int = 20) -> Iterator[str]:
    """The texts in a JSON document."""
    if isinstance(document, str):
        yield document
    elif depth and isinstance(document, Mapping):
        for value in document.values():
            yield from leaves(value, depth - 1)
    elif depth and isinstance(document, list):
        for value in document:
            yield from leaves(value, depth - 1)
