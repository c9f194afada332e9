"""A command for a POSIX shell, out of data: every word is quoted here and nowhere else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby

from tenantcheck.model import HttpRepeat, Part, Parts, Repeat
from tenantcheck.model.repeat import InvokeRepeat, text, variable
from tenantcheck.model.text import printable

#: Names of shell variables; anything else in their place is left out.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,80}")
_LONGEST = 4_096
_GLOBS = re.compile(r"[\[\]{}]")


def command_line(repeat: Repeat) -> str:
    """The command as one line; secrets stand as `"${VARIABLES}"`, which the shell fills in."""
    words = _curl(repeat) if isinstance(repeat, HttpRepeat) else _aws(repeat)
    return " ".join(_quoted_word((text(word),) if isinstance(word, str) else word) for word in words)


def _curl(request: HttpRepeat) -> Iterator[str | Parts]:
    """curl, with the head of the answer."""
    url = _url(request)
    yield from ("curl", "-i")
    if any(_GLOBS.search(part.value) for part in url):
        yield "--globoff"
    if request.signed:
        yield from ("--aws-sigv4", (text("aws:amz:"), variable("AWS_REGION"), text(":execute-api")))
        yield from ("--user", (variable("AWS_ACCESS_KEY_ID"), text(":"), variable("AWS_SECRET_ACCESS_KEY")))
        yield from ("-H", (text("x-amz-security-token: "), variable("AWS_SESSION_TOKEN")))
    if request.method == "HEAD":
        yield "--head"  # with -X HEAD it would wait for a body
    elif request.method != "GET" or request.body:
        yield from ("-X", request.method)
    for header in request.headers:
        yield from ("-H", (text(f"{header.name}: "), *header.value))
    if request.body:
        yield from ("-d", request.body)
    yield url


def _url(request: HttpRepeat) -> Parts:
    parts = [*request.url]
    for position, each in enumerate(request.query):
        parts += [text(f"{'&' if position else '?'}{each.name}{'=' if each.name else ''}"), *each.value]
    return tuple(parts)


def _aws(call: InvokeRepeat) -> Iterator[str | Parts]:
    """The AWS CLI, with the answer on the terminal."""
    yield from ("aws", "lambda", "invoke")
    options = {
        "--function-name": call.function,
        "--qualifier": call.qualifier,
        "--region": call.region,
        "--profile": call.profile,
        "--endpoint-url": call.endpoint_url,
    }
    for option, value in options.items():
        if value:
            yield from (option, value)
    if call.tenant:
        yield from ("--tenant-id", call.tenant)
    yield from ("--cli-binary-format", "raw-in-base64-out", "--payload", call.payload, "/dev/stdout")


def _quoted_word(word: Parts) -> str:
    return "".join(_quoted(kind, [*parts]) for kind, parts in groupby(word, key=lambda part: part.kind == "text"))


def _quoted(is_text: bool, parts: Sequence[Part]) -> str:
    """Neighbouring pieces of one kind."""
    if is_text:
        return shlex.quote(printable("".join(part.value for part in parts), _LONGEST))
    return "".join(
        f'"${{{part.value}}}"' for part in parts if part.kind == "variable" and _NAME.fullmatch(part.value)
    )
