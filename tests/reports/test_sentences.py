"""What each finding says, exactly: one sentence of every check, from simulated runs of the lab's faults."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tenantcheck.model import CHECK_IDS
from tenantcheck.reports.sentences import finding_sentence
from tests.cases import FAULT_CASES, Case
from tests.notation import verdict
from tests.simulation import simulate

GOLDEN = Path(__file__).parent / "golden" / "sentences.txt"
#: What is drawn anew in every run, and the tenants.
DRAWN = re.compile(r"'[^']*'|\b(process|sandbox|snapshot)-[0-9a-f-]+|\b\d+\b")
#: Said in their own tests: no fault of the lab makes them.
OTHERS = {"not-isolated", "control-not-caught", "contradicted-witness"}


def sentences(case: Case) -> dict[str, str]:
    """The first sentence of each check that found something, with `…` for what is drawn."""
    for seed in range(20):
        rng = random.Random(seed)
        plan, lab = case.simulated(case.plan or "deep", rng)
        found: dict[str, str] = {}
        for finding in simulate(plan, lab, rng=rng).verdict.findings:
            found.setdefault(finding.check, DRAWN.sub("…", finding_sentence(finding)))
        if case.is_found(found):
            return found
    raise AssertionError(f"{case.name} was not found")


@pytest.mark.no_cover  # it repeats what others do once
def test_every_check_says_what_it_found() -> None:
    """By `make update` the file is written anew."""
    said: dict[str, set[str]] = {}
    for case in FAULT_CASES:
        for check, sentence in sentences(case).items():
            said.setdefault(check, set()).add(sentence)
    text = "".join(f"{check}: {sentence}\n" for check in CHECK_IDS for sentence in sorted(said.get(check, ())))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
    assert set(said) == set(CHECK_IDS) - OTHERS
    assert "{" not in text


def test_a_placeholder_in_an_id_is_not_filled_in() -> None:
    """Only the check's own words are a template."""
    (finding,) = verdict("o a1 b2 | r a1 b1").findings
    odd = replace(finding, tenants=("{environment}", "{0.__class__}"), environment="{fields}")
    assert finding_sentence(odd) == (
        "Environment {fields} served '{environment}' and '{0.__class__}' (by executionEnvironmentId, sandboxId)."
    )
