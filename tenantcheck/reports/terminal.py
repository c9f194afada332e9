"""Report for a terminal: rich. Everything from outside is set as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from tenantcheck.model import Verdict
from tenantcheck.reports.content import Block, Table, blocks, headline
from tenantcheck.reports.glance import first_line, lines

#: How each verdict looks.
COLOURS = {"pass": "bold green", "fail": "bold red", "inconclusive": "bold yellow"}


def print_glance(verdict: Verdict, console: Console) -> None:
    """Print what a person wants to know first."""
    word, says = first_line(verdict)
    console.print(Text.assemble((word, COLOURS[verdict.outcome]), "  ", (says, "bold")))
    for line in lines(verdict):
        label = Text(f"{line.label:<10}  " if line.label else "", "dim")
        if line.whole:
            console.print(Text.assemble("  ", label if line.label else " " * 12, line.text), soft_wrap=True)
        elif line.label:
            grid = RichTable.grid(padding=0)
            grid.add_row(label, Text(line.text))
            console.print(Padding(grid, (0, 0, 0, 2), expand=False))
        else:
            console.print(Padding(Text(line.text), (0, 0, 0, 2), expand=False))


def print_terminal(verdict: Verdict, console: Console) -> None:
    """Print the whole report."""
    console.print(Text(headline(verdict), style=COLOURS[verdict.outcome]))
    for block in blocks(verdict):
        console.print()
        console.print(Text(block.heading, style="bold"))
        console.print(Padding(Group(*_parts(block)), (0, 0, 0, 2)))
        # Commands stand outside the padding: a terminal may wrap them, but nothing breaks them.
        for command in block.commands:
            console.print(Text(f"  $ {command}", style="dim"), soft_wrap=True)


def _parts(block: Block) -> Iterator[RenderableType]:
    for line in block.lines:
        yield Text(line)
    if block.table is not None:
        yield _table(block.table)


def _table(table: Table) -> RichTable:
    rich = RichTable(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for position, column in enumerate(table.columns):
        last = position == len(table.columns) - 1
        rich.add_column(
            column,
            justify="right" if position in table.numeric else "left",
            overflow="fold",
            no_wrap=position in table.numeric,
            ratio=1 if last and not table.numeric >= {position} else None,
        )
    for row in table.rows:
        rich.add_row(*(Text(cell) for cell in row))
    return rich
