"""How a request is sent again: data. A report makes a shell command of it, and quotes every word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

#: Options of the two commands; nothing else can stand before a value.
Flag = Literal[
    "",
    "-sS",
    "-i",
    "-X",
    "-H",
    "-d",
    "--url",
    "--user",
    "--aws-sigv4",
    "--function-name",
    "--qualifier",
    "--region",
    "--profile",
    "--endpoint-url",
    "--tenant-id",
    "--cli-binary-format",
    "--payload",
]
PartKind = Literal["text", "variable", "own-variable", "tenant", "nonce"]


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of one word."""

    kind: PartKind = "text"
    """`text` stands as it is; `variable` is the name of a shell variable that holds a secret, `own-variable` one of
    the tenant's own; `tenant` and `nonce` are filled in per request."""
    value: Annotated[str, Meta(max_length=8192)] = ""
    percent: bool = False
    """The tenant's id or the nonce is percent-encoded."""


class Argument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An option with its value, or either alone."""

    flag: Flag = ""
    value: tuple[Part, ...] = ()

    def has(self, kind: PartKind) -> bool:
        """Whether a part of this kind stands in its value."""
        return any(part.kind == kind for part in self.value)


class Repeat(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command and its arguments."""

    command: Literal["curl", "aws lambda invoke"]
    arguments: tuple[Argument, ...]

    def with_parts(self, change: Callable[[Part], Part]) -> Repeat:
        """The same command with every part changed."""
        return structs.replace(
            self,
            arguments=tuple(
                structs.replace(argument, value=tuple(change(part) for part in argument.value))
                for argument in self.arguments
            ),
        )


def text(value: str) -> Part:
    """A piece that stands as it is."""
    return Part(value=value)


def variable(name: str, *, own: bool = False) -> Part:
    """A secret."""
    return Part(kind="own-variable" if own else "variable", value=name)
