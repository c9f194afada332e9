"""Decode JSON that comes from outside, within bounds."""

from __future__ import annotations

import base64
import binascii
import gc
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

#: The first mebibyte of a body is searched and parsed; nothing behind it is looked at.
SEARCHED_BYTES = 1 << 20


#: Codings that are not undone: nothing but identity is asked for.
_UNREAD_CODINGS = frozenset({"br", "zstd", "compress"})


def unread_coding(headers: Iterable[tuple[str, str]]) -> str | None:
    """The coding of a body that can't be read for it."""
    codings = {value.strip().lower() for name, value in headers if name.lower() == "content-encoding"}
    return min(codings & _UNREAD_CODINGS, default=None)


def is_html(body: bytes) -> bool:
    """Whether a body begins as an HTML page does."""
    return body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))


def decode(body: bytes) -> tuple[Any, str | None]:
    """A JSON document; or None, and why it is none."""
    if not body:
        return None, "the body is empty"
    if len(body) > _MANY_PARTS:
        with _uncollected():
            return _decoded(body)
    return _decoded(body)


#: From here on a document may have so many parts that looking for garbage among them takes longer than decoding.
_MANY_PARTS = 1 << 16


@contextmanager
def _uncollected() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _decoded(body: bytes) -> tuple[Any, str | None]:
    try:
        return msgspec.json.decode(body), None
    except RecursionError:
        return None, "the body is nested too deeply"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, "the body is not JSON"


#: Lambda's separator of the prelude of a streamed answer, `{"statusCode": …, "headers": …}`, and its body.
_PRELUDE_ENDS = b"\0" * 8
_LONGEST_PRELUDE = 1 << 16


def without_prelude(body: bytes) -> tuple[int, bytes] | None:
    """Status and body of a streamed answer that begins with its prelude; None for any other."""
    prelude, separator, rest = body[:_LONGEST_PRELUDE].partition(_PRELUDE_ENDS)
    if not separator:
        return None
    document, _ = decode(prelude)
    status = document.get("statusCode", 200) if isinstance(document, dict) else None
    return (status, rest + body[_LONGEST_PRELUDE:]) if isinstance(status, int) else None


#: Layers of encoding, one inside the other, that are undone.
_MOST_LAYERS = 4
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def undone(body: bytes) -> bytes:
    """A body without what gateways and frameworks put over it: a byte order mark, gzip, base64 (of either alphabet,
    also inside a JSON text), the prelude of a streamed answer. At most `SEARCHED_BYTES` come out."""
    for _ in range(_MOST_LAYERS):
        inner = _without_layer(body)
        if inner is None:
            break
        body = inner[:SEARCHED_BYTES]
    return body


def _without_layer(body: bytes) -> bytes | None:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace").encode("utf-8", "replace")
    if body.startswith(b"\x1f\x8b"):
        return _unzipped(body)
    if (streamed := without_prelude(body)) is not None:
        return streamed[1]
    text = body.strip()
    if text[:1] == b'"':
        document, _ = decode(text)
        return document.encode("utf-8", "replace") if isinstance(document, str) else None
    if _BASE64.fullmatch(text):
        characters = text.rstrip(b"=").translate(_STANDARD)
        with suppress(binascii.Error):
            return base64.b64decode(characters + b"=" * (-len(characters) % 4))
    return None


def _unzipped(body: bytes) -> bytes | None:
    """What a gzip member holds, as much of it as is read."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body, SEARCHED_BYTES)
    except zlib.error:
        return None
