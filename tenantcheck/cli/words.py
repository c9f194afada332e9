"""What others say of requests that fail, for a person who asked for it (`--show-errors`). Never stored."""

from __future__ import annotations

from collections.abc import Iterable

from tenantcheck.cli.say import say
from tenantcheck.model import Call, Observation, Reply
from tenantcheck.model.secrets import Secrets
from tenantcheck.model.text import printable
from tenantcheck.run.targets import service_message

#: Different sentences that are shown of one run.
_MOST = 10
#: Characters of each.
_LONGEST = 300


class ErrorWords:
    """Shows each sentence once, on stderr. One that holds something that this run keeps secret is not shown."""

    def __init__(self, secrets: Secrets, others: Iterable[str]) -> None:
        """`secrets` are those of the target, which may grow; `others` what is secret besides."""
        self._secrets = secrets
        self._others = Secrets(others)
        self._shown: set[str] = set()

    def __call__(self, _: Observation, call: Call, reply: Reply) -> None:
        """Take in one answer."""
        failed = reply.status is None or reply.status >= 400 or reply.header("x-amz-function-error") is not None
        words = (reply.words or service_message(reply.body) or _first_line(reply.body)) if failed else ""
        # What is longer is looked through whole: a secret must not be cut in two.
        if not words or len(self._shown) >= _MOST:
            return
        self._others.add_headers(call.headers)
        if self._secrets.found_in(words) or self._others.found_in(words):
            words = "(not shown: it quotes something that this run keeps secret)"
        line = f"  {reply.status or 'no answer'}: {printable(words, _LONGEST)}"
        if line not in self._shown:
            self._shown.add(line)
            say(line)


def _first_line(body: bytes) -> str:
    text = body[:_READ].decode("utf-8", "replace").strip()
    return text.partition("\n")[0].strip()


_READ = 4_096
