"""`lookalike-collapse`: empty, good, bad."""

from __future__ import annotations

from tests.notation import CLEAN, check_status, found, plan_for, short, with_witness


def test_in_one_environment() -> None:
    (finding,) = found(f"{CLEAN} | n A1", "lookalike-collapse", plan_for(newcomers="a"))
    assert short(finding) == ("breach", ("a", "A"), None, (24, 26))
    assert finding.details == {"form": "case", "met in": "environment"}


def test_in_one_tenant() -> None:
    edit = {26: with_witness(tenant_id="a")}
    (finding,) = found(f"{CLEAN} | n A3", "lookalike-collapse", plan_for(newcomers="a"), edit)
    assert short(finding) == ("breach", ("a", "A"), None, (26,))


def test_a_plan_without_lookalikes() -> None:
    assert check_status("lookalike-collapse", CLEAN) == ("not-applicable", 0)
