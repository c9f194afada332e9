"""A command for a POSIX shell, out of data: every word is quoted here and nowhere else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import groupby

from tenantcheck.model import Argument, Part, Repeat
from tenantcheck.model.text import printable

#: Names of shell variables; anything else in their place is left out.
_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,80}")
_LONGEST = 4_096


def command_line(repeat: Repeat) -> str:
    """The command as one line; secrets stand as `"${VARIABLES}"`, which the shell fills in."""
    return " ".join([repeat.command, *filter(None, map(_argument, repeat.arguments))])


def _argument(argument: Argument) -> str:
    pieces = [
        _quoted(kind, [*parts]) for kind, parts in groupby(argument.value, key=lambda part: part.kind == "text")
    ]
    return f"{argument.flag} {''.join(pieces)}".strip()


def _quoted(is_text: bool, parts: Sequence[Part]) -> str:
    """Neighbouring pieces of one kind."""
    if is_text:
        return shlex.quote(printable("".join(part.value for part in parts), _LONGEST))
    return "".join(
        f'"${{{part.value}}}"' for part in parts if part.kind == "variable" and _NAME.fullmatch(part.value)
    )
