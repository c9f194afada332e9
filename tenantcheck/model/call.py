"""A request ready to be sent, and what came back. Both hold secrets: they are never stored or printed."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct


class Call(Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request, encoded and signed."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Call({self.method} …)"


class Envelope(NamedTuple):
    """What a target found around an answer: that of a handler written for API Gateway which is invoked directly."""

    status: int
    body: bytes | None
    """The answer itself; None where it can't be read."""


class Reply(Struct, frozen=True, kw_only=True, gc=False):
    """What came back for one call, or why nothing did. `status` is None when there was no response.

    `error_kind` is one of `connect`, `tls`, `timeout`, `read`, `protocol`, `descriptors` (this machine has none
    left), `interrupted`.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """At most the first mebibyte, after decompression."""
    truncated: bool = False
    first_byte_ns: int | None = None
    """Monotonic clock, nanoseconds."""
    error_kind: str | None = None
    error_text: str = ""
    """In words of this program."""
    words: str = ""
    """In words of somebody else, who may quote a secret: never stored."""

    def __repr__(self) -> str:
        return f"Reply({self.status if self.status is not None else self.error_kind} …)"

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), None)
