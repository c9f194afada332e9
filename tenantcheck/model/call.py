"""A request ready to be sent, and what came back. Both hold secrets: they are never stored or printed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One HTTP request, encoded and signed."""

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came back for one call, or why nothing did. `status` is None when there was no response.

    `error_kind` is one of `connect`, `tls`, `timeout`, `read`, `protocol`, `interrupted`.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    """At most the first mebibyte, after decompression."""
    truncated: bool = False
    first_byte_ns: int | None = None
    """Monotonic clock, nanoseconds."""
    error_kind: str | None = None
    error_text: str = field(default="", repr=False)

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), None)
