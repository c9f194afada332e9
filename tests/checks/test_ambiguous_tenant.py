"""`ambiguous-tenant`: empty, good, bad."""

from __future__ import annotations

import pytest

from tests.notation import attack, judged

CHECK = "ambiguous-tenant"


@pytest.mark.parametrize(("where", "which"), [("1", "first"), ("2", "second")])
def test_served_as_one_of_two(where: str, which: str) -> None:
    status, _, (finding,) = judged(attack(CHECK, where, tenant="a", claimed="b"), CHECK)
    assert (status, finding.severity, finding.details) == ("weak", "weakness", {"which": which})


def test_refused() -> None:
    assert judged(attack(CHECK, "x", tenant="a", claimed="b"), CHECK)[:2] == ("clean", 1)
