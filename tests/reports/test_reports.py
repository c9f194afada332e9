"""What people and programs read: exact output (`make update` writes it anew), hostile text made harmless."""

from __future__ import annotations

import html
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from rich.console import Console

from tenantcheck import reports
from tenantcheck.cli.probe import command as probe
from tenantcheck.model import SeenNonce, Verdict
from tenantcheck.model import nonce as nonces
from tenantcheck.model.text import printable, shown_id
from tenantcheck.reports import FORMATS, TERMINAL
from tenantcheck.reports.json_report import JsonReport, json_schema
from tenantcheck.reports.terminal import print_glance, print_terminal
from tests.notation import CLEAN, RUN, changed, plan_for, verdict, with_witness

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Path(reports.__file__).parent / "report-v1.schema.json"


def glance(result: Verdict) -> str:
    return terminal(result, print_glance)


def terminal(result: Verdict, show: Callable[[Verdict, Console], None] = print_terminal) -> str:
    console = Console(file=io.StringIO(), width=110, color_system=None, force_terminal=False, highlight=False)
    show(result, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def recorded(*arguments: Any, **options: Any) -> Verdict:
    """A verdict on a history, whose digest is known."""
    told = verdict(*arguments, **options)
    return msgspec.structs.replace(told, source=msgspec.structs.replace(told.source, sha256="0" * 64))


FOREIGN = SeenNonce(nonce=nonces.compose(RUN, nonces.tag("a"), 0, f"{0:016x}"), place="residue-memory")
CASES: dict[str, Verdict] = {
    "pass": recorded(
        f"{CLEAN} | n A3 | c a1 b2",
        plan_for(newcomers="a", checks=("shared-environment", "wrong-tenant", "lookalike-collapse")),
    ),
    "fail": recorded("o a1 b2 | r a1 b1", edit={3: changed(seen=(FOREIGN,))}, ended="breach"),
    "inconclusive": recorded(
        "o a1 b2 | r a- b2 a3 b!", ended="max-requests", edit={3: with_witness(invocation_count=9)}
    ),
}
RENDERERS = {"terminal": terminal, "glance": glance, **{name: each.render for name, each in FORMATS.items()}}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", RENDERERS)
def test_reports_are_exact(case: str, form: str) -> None:
    text = RENDERERS[form](CASES[case])
    golden = GOLDEN / f"{case}.{form}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_the_page_of_the_reports_and_the_help_name_every_format() -> None:
    page = (Path(reports.__file__).parent / "README.md").read_text()
    described = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page.partition("\n## ")[0], re.MULTILINE))
    assert described == {name: each.about for name, each in FORMATS.items()}
    choice = next(each for each in probe.params if each.name == "format").type
    assert isinstance(choice, click.Choice)
    assert list(choice.choices) == [TERMINAL, *FORMATS]


def test_the_json_schema_is_frozen() -> None:
    text = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        SCHEMA.write_text(text)
    assert text == SCHEMA.read_text()


@pytest.mark.parametrize("case", CASES)
def test_json_reports_follow_the_schema(case: str) -> None:
    report = msgspec.json.decode(FORMATS["json"].render(CASES[case]), type=JsonReport)
    assert report.verdict == case
    everything = json.loads(FORMATS["json"].render(CASES[case]))
    for key in KEYS:
        assert key in everything


#: What the schema promises at least.
KEYS = ("schema", "verdict", "reasons", "subject", "findings", "checks", "evidence", "not_established", "source")

HOSTILE = "\x1b[31m\u202e[bold]x[/]\x07<b>\u2028\r\n=1+1"


@pytest.mark.parametrize("form", RENDERERS)
def test_text_from_outside_steers_nothing(form: str) -> None:
    """
    Given an environment id and a tenant as the handler saw it, both full of escapes and markup
    When the report is made
    Then no control or direction character is in it, and markup stands as it came.
    """
    edit = {n: with_witness(execution_environment_id=HOSTILE, tenant_id=HOSTILE) for n in range(4)}
    text = RENDERERS[form](recorded("o a1 b2 | r a1 b1", edit=edit))
    assert not {"\x1b", "\u202e", "\x07", "\u2028", "\r"} & set(text)
    if form == "json":
        assert HOSTILE in {finding["environment"] for finding in json.loads(text)["findings"]}
    elif form != "intoto":  # which names findings by their fingerprints
        assert "[bold]" in html.unescape(text).replace("\n", "").replace(" ", "")


def test_printable_bounds_and_replaces() -> None:
    assert printable("a\x00b\u200bc", 10) == "a\ufffdb\ufffdc"
    assert printable("x" * 20, 10) == "x" * 9 + "…"
    assert printable("Ünïcode ✓") == "Ünïcode ✓"


def test_long_ids_that_differ_in_the_middle_are_told_apart() -> None:
    one, other = ("a" * 100 + letter + "a" * 100 for letter in "bc")
    assert shown_id(one) != shown_id(other)
    assert "201 characters" in shown_id(one)
    assert shown_id("acme") == "acme"


@pytest.mark.parametrize("case", CASES)
def test_a_glance_is_half_a_screen(case: str) -> None:
    text = glance(CASES[case])
    assert len(text.splitlines()) <= 25
    assert text.startswith(case.upper())


def test_a_glance_says_of_whom_a_pass_is_and_counts_what_it_leaves_out() -> None:
    many = verdict("o a1 b2 | r a1 b1 a2 b2 a1 b2 b1 a2", ended="complete")
    text = glance(many)
    total = next(result.findings for result in many.results if result.id == "shared-environment")
    assert f"Also        {total - 1} more of shared-environment" in text


def test_tenants_beyond_a_dozen_share_a_row() -> None:
    letters = "abcdefghijklmnop"
    ring = " ".join(f"{letter}{n}" for n, letter in enumerate(letters))
    text = FORMATS["plain"].render(verdict(f"o {ring} | r {ring}", plan_for(letters)))
    rows = text.partition("\nTenants\n")[2].partition("\n\n")[0].splitlines()
    assert [row.split()[0] for row in rows[2:14]] == list(letters[:12])
    assert rows[14].split()[:5] == ["(4", "more)", "4", "8", "4"]
    assert len(rows) == 15
