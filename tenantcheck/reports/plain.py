"""Report for pipes and files: tabulate, no colour, no width of its own."""

from __future__ import annotations

from tabulate import tabulate

from tenantcheck.model import Verdict
from tenantcheck.reports.content import Table, blocks, headline


def render(verdict: Verdict) -> str:
    """The report as plain text."""
    parts = [headline(verdict)]
    for block in blocks(verdict):
        lines = [block.heading, *(f"  {line}" for line in block.lines)]
        if block.table is not None:
            lines += [f"  {line}" for line in render_table(block.table).splitlines()]
        if block.commands:
            lines += ["  to repeat:", *(f"    {command}" for command in block.commands)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def render_table(table: Table) -> str:
    """A table as plain text."""
    alignments = ["right" if column in table.numeric else "left" for column in range(len(table.columns))]
    text = tabulate(table.rows, headers=table.columns, tablefmt="simple", colalign=alignments, disable_numparse=True)
    return "\n".join(line.rstrip() for line in text.splitlines())
