"""Decode JSON that comes from outside, within bounds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

#: The first mebibyte of a body is searched and parsed; nothing behind it is looked at.
SEARCHED_BYTES = 1 << 20


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
