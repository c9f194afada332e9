"""`lookalike-collapse`: empty, good, bad."""

from __future__ import annotations

import pytest

from tests.notation import CLEAN, attack, check_status, found, judged, plan_for, short, with_witness


def test_in_one_environment() -> None:
    (finding,) = found(f"{CLEAN} | n A1", "lookalike-collapse", plan_for(newcomers="a"))
    assert short(finding) == ("breach", ("a", "A"), None, (24, 26))
    assert finding.details == {"form": "case", "met in": "environment"}


def test_in_one_tenant() -> None:
    edit = {26: with_witness(tenant_id="a")}
    (finding,) = found(f"{CLEAN} | n A3", "lookalike-collapse", plan_for(newcomers="a"), edit)
    assert short(finding) == ("breach", ("a", "A"), None, (26,))


@pytest.mark.parametrize(
    ("where", "saw", "expected"),
    [
        ("1", "a", ("weak", "weakness", ("tenantId",), "tenant")),
        ("1", "a ", ("breached", "breach", ("executionEnvironmentId",), "environment")),
        ("3", "a ", ("clean",)),
        ("x", None, ("clean",)),
        ("-", None, ("not-exercised",)),
    ],
)
def test_an_id_with_a_space_at_its_end(where: str, saw: str | None, expected: tuple[object, ...]) -> None:
    judge = attack("lookalike-collapse", where, tenant="a", claimed="a ", saw=saw, tenant_place="query:t")
    status, _, findings = judged(judge, "lookalike-collapse")
    assert (status, *(part for f in findings for part in (f.severity, f.fields, f.details["met in"]))) == expected


def test_a_plan_without_lookalikes() -> None:
    assert check_status("lookalike-collapse", CLEAN) == ("not-applicable", 0)
