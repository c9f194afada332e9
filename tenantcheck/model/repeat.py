"""How a request is sent again: data. A report makes a shell command of it, and quotes every word."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

PartKind = Literal["text", "variable", "own-variable", "tenant", "nonce"]
Word = Annotated[str, Meta(max_length=8192)]


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a value."""

    kind: PartKind = "text"
    """`text` stands as it is; `variable` is the name of a shell variable that holds a secret, `own-variable` one of
    the tenant's own; `tenant` and `nonce` are filled in per request."""
    value: Word = ""


Parts: TypeAlias = tuple[Part, ...]


class Named(Struct, frozen=True, kw_only=True):
    """A header or a query parameter. The name of a parameter is empty where its value stands alone."""

    name: Word
    value: Parts

    def has(self, kind: PartKind) -> bool:
        """Whether a part of this kind stands in its value."""
        return any(part.kind == kind for part in self.value)


class HttpRepeat(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="http"):
    """An HTTP request."""

    method: Annotated[str, Meta(pattern=r"\A[A-Z]{1,32}\Z")] = "GET"
    url: Parts
    """Up to the query; percent-encoded."""
    query: tuple[Named, ...] = ()
    """Names and values as they stand in the URL, percent-encoded."""
    headers: tuple[Named, ...] = ()
    body: Parts = ()
    """Empty where none is sent."""
    signed: bool = False
    """Signed with AWS Signature Version 4."""


class InvokeRepeat(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="invoke"):
    """A call of Lambda's Invoke. What is empty is left out."""

    function: Word
    qualifier: Word = ""
    region: Word = ""
    profile: Word = ""
    endpoint_url: Word = ""
    tenant: Parts = ()
    payload: Parts


Repeat: TypeAlias = HttpRepeat | InvokeRepeat


def shell_name(name: str) -> str:
    """The shell variable that a secret of this name stands as."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def text(value: str) -> Part:
    """A piece that stands as it is."""
    return Part(value=value)


def variable(name: str, *, own: bool = False) -> Part:
    """A secret."""
    return Part(kind="own-variable" if own else "variable", value=name)
