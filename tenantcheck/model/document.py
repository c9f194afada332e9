"""Decode JSON that comes from outside, within bounds."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
