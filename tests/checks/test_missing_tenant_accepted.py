"""`missing-tenant-accepted`: empty, good, bad."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notation import attack, judged, short

CHECK = "missing-tenant-accepted"


@pytest.mark.parametrize("where", ["3", "?"])
def test_served_without_a_tenant(where: str) -> None:
    status, opportunities, (finding,) = judged(attack(CHECK, where), CHECK)
    assert (status, opportunities) == ("breached", 1)
    assert short(finding)[0::3] == ("breach", (1000,))
    assert "x-tenant-id" not in finding.exhibits[0].repeat


@pytest.mark.parametrize(
    ("where", "expected"), [("x", ("clean", 1)), ("~", ("not-exercised", 0)), ("!", ("not-exercised", 0))]
)
def test_refused_or_undecided(where: str, expected: tuple[str, int]) -> None:
    assert judged(attack(CHECK, where), CHECK)[:2] == expected


def test_invoke_is_judged_by_its_opening_call() -> None:
    options: dict[str, Any] = {"kind": "invoke", "tenant_place": "invoke"}
    assert judged(attack("not-isolated", "3", **options), CHECK)[0] == "breached"
    assert judged(attack("not-isolated", "x", **options), CHECK)[0] == "clean"
