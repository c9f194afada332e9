"""Report for job summaries and pull requests: GitHub's Markdown. Text from outside is spelt in character references
where Markdown or HTML would take it for more than text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tenantcheck.model import Verdict
from tenantcheck.reports.content import Block, Table, blocks
from tenantcheck.reports.glance import first_line

#: A job summary above 1 MiB is dropped whole.
MAX_BYTES = 900_000
#: Rows of a table that stand open; longer ones are folded.
_OPEN_ROWS = 12
_MOST_ROWS = 1_000
_SIGNS = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️"}
#: Blocks that stand open; what is below them is folded.
_OPEN = re.compile("Run|Logs|Configuration|What this pass says|Also|breach: .*|open: .*")


def render(verdict: Verdict) -> str:
    """The report as Markdown, at most `MAX_BYTES` long."""
    word, says = first_line(verdict)
    text = "\n".join((f"## {_SIGNS[verdict.outcome]} tenantcheck: {word}", "", f"**{escaped(says)}**", "", ""))
    for block in blocks(verdict):
        part = "\n".join(_block(block)) + "\n\n"
        if len(text.encode()) + len(part.encode()) > MAX_BYTES:
            return f"{text}*The rest is left out: a job summary holds no more. The JSON report has all of it.*\n"
        text += part
    return text.rstrip("\n") + "\n"


def _block(block: Block) -> Iterator[str]:
    is_open = _OPEN.fullmatch(block.heading) is not None
    if is_open:
        yield f"### {escaped(block.heading)}"
    else:
        yield f"<details><summary>{escaped(block.heading)}</summary>"
    yield ""
    for line in block.lines:
        listed = line.startswith("- ")
        yield f"{'- ' if listed else ''}{escaped(line[2:] if listed else line)}{'' if listed else '  '}"
    if block.table is not None:
        yield from _table(block.table, folded=is_open)
    if block.commands:
        yield from ("", "To repeat:", *_code(block.commands))
    if not is_open:
        yield from ("", "</details>")


def _table(table: Table, *, folded: bool) -> Iterator[str]:
    rows = table.rows[:_MOST_ROWS]
    fold = folded and len(rows) > _OPEN_ROWS
    yield from ("", f"<details><summary>{len(table.rows)} rows</summary>", "") if fold else ("",)
    yield _row(table.columns)
    yield _row(["---:" if column in table.numeric else "---" for column in range(len(table.columns))], raw=True)
    for row in rows:
        yield _row(row)
    if len(table.rows) > len(rows):
        yield from ("", f"{len(table.rows) - len(rows)} more rows are left out.")
    if fold:
        yield from ("", "</details>")


def _row(cells: Sequence[str], *, raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else escaped(cell) for cell in cells) + " |"


def _code(commands: Sequence[str]) -> Iterator[str]:
    """Commands in a block that none of them can end."""
    longest = max((len(run) for command in commands for run in re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from ("", f"{fence}sh", *(command.replace("\n", " ") for command in commands), fence)


#: What Markdown, its extensions or HTML give a meaning.
_MEANS_SOMETHING = re.compile(r"[\\`*_{}\[\]<>()#+\-!|~&@:$=\"']")


def escaped(text: str) -> str:
    """Text that is nothing but text: neither emphasis, links nor mentions, HTML, nor the end of a cell."""
    one_line = " ".join(text.split("\n"))
    return _MEANS_SOMETHING.sub(lambda match: f"&#{ord(match.group())};", one_line)
