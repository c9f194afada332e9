"""Every nonce of this program in an answer: as it stands, percent-encoded, and in base64.

An answer is hostile: a bound on its bytes is none on the work it makes. Only so many places are looked at, and each
costs the same.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from urllib.parse import unquote_to_bytes

from tenantcheck.model import NonceEncoding, NoncePlace, SeenNonce
from tenantcheck.model import nonce as nonces

#: Foreign nonces that are kept of one answer.
MAX_SEEN = 64
#: Places of one answer, for each encoding, that are looked at: an answer that has more of them has them for show.
MAX_PLACES = 1_000


def sightings(placed: Sequence[SeenNonce], body: bytes, headers: bytes, own_tag: str) -> tuple[SeenNonce, ...]:
    """Every nonce in body and headers; `placed` are those that stand in a place of their own.

    Of the tenant with `own_tag` one nonce per place is kept, of others the first `MAX_SEEN`.
    """
    if _nothing_else(body, headers, placed):
        return tuple(placed)
    return _keep(own_tag, placed, _in_text(body, "body"), _in_text(headers, "header"))


def _nothing_else(body: bytes, headers: bytes, placed: Sequence[SeenNonce]) -> bool:
    """Whether it is plain that a response holds no nonce but the one that is placed already: most hold their own
    echo and nothing more, and are spared the search."""
    text = body + b"\n" + headers if headers else body
    if len(placed) > 1 or text.count(nonces.PREFIX) != len(placed) or b"%" in text:
        return False
    if placed and placed[0].nonce.encode() not in body:
        return False
    if len(text) < len(placed) * nonces.LENGTH + _SHORTEST_BASE64:
        return True
    return not (_MARKER_0 in text or _MARKER_1 in text or _MARKER_2 in text)


def _in_text(text: bytes, place: NoncePlace) -> Iterator[SeenNonce]:
    """Every nonce in `text`: raw, percent-decoded and base64-decoded."""
    yield from _found(text, place, "raw")
    if b"%" in text:
        for match in islice(_PERCENT_PREFIX.finditer(text), MAX_PLACES):
            yield from _found(unquote_to_bytes(text[match.start() : match.start() + _PERCENT_SPAN]), place, "percent")
    # Searching for three constants is much cheaper than for one pattern of three.
    if _MARKER_0 in text or _MARKER_1 in text or _MARKER_2 in text:
        for match in islice(_ANY_MARKER.finditer(text), MAX_PLACES):
            yield from _found(_base64_around(text, match), place, "base64")


def _found(text: bytes, place: NoncePlace, encoding: NonceEncoding) -> Iterator[SeenNonce]:
    if nonces.PREFIX in text:
        for match in islice(nonces.PATTERN.finditer(text), MAX_PLACES):
            yield SeenNonce(nonce=match.group().decode(), place=place, encoding=encoding)


#: The prefix with any of its characters percent-encoded. All of a nonce may be: three characters for each.
_PERCENT_PREFIX = re.compile(
    b"".join(b"(?:%s|(?i:%%%02x))" % (re.escape(bytes([each])), each) for each in nonces.PREFIX)
)
_PERCENT_SPAN = 3 * (nonces.LENGTH + 1)


def _base64_marker(offset: int) -> tuple[bytes, int]:
    """The base64 characters that the nonce prefix always gives when `offset` bytes stand before it in its
    group of three, and how many characters of the group precede them."""
    encoded = base64.b64encode(b"\0" * offset + nonces.PREFIX)
    first = -(-offset * 8 // 6)
    last = (offset + len(nonces.PREFIX)) * 8 // 6
    return encoded[first:last], first


_MARKERS = tuple(_base64_marker(offset) for offset in range(3))
_MARKER_0, _MARKER_1, _MARKER_2 = (marker for marker, _ in _MARKERS)
_ANY_MARKER = re.compile(b"|".join(b"(" + re.escape(marker) + b")" for marker, _ in _MARKERS))
_SPAN = (nonces.LENGTH + 3) * 4 // 3 + 4
#: A nonce in base64 takes so many characters at least.
_SHORTEST_BASE64 = nonces.LENGTH * 4 // 3
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]*")


def _base64_around(text: bytes, marker: re.Match[bytes]) -> bytes:
    """What stands around a marker, decoded."""
    start = marker.start() - _MARKERS[(marker.lastindex or 1) - 1][1]
    if start < 0:
        return b""
    run = _BASE64.match(text[start : start + _SPAN])
    characters = run.group() if run else b""
    whole = characters[: len(characters) // 4 * 4].translate(_URL_SAFE)
    tail = characters[len(whole) :].translate(_URL_SAFE)
    if len(tail) > 1:
        whole += tail + b"=" * (4 - len(tail))
    return base64.b64decode(whole)


def _keep(own_tag: str, *sources: Iterable[SeenNonce]) -> tuple[SeenNonce, ...]:
    """Every foreign nonce once (at most `MAX_SEEN`), and of the tenant's own nonces one per place.

    Earlier sources win: what stands in the residue is not named again as "somewhere in the body".
    """
    foreign: dict[str, SeenNonce] = {}
    own: dict[str, SeenNonce] = {}
    named: set[str] = set()
    for source in sources:
        for sighting in source:
            if sighting.nonce in named:
                continue
            named.add(sighting.nonce)
            if nonces.tag_of(sighting.nonce) == own_tag:
                own.setdefault(sighting.place, sighting)
            else:
                foreign[sighting.nonce] = sighting
                if len(foreign) == MAX_SEEN:
                    return (*own.values(), *foreign.values())
    return (*own.values(), *foreign.values())
