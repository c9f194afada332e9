"""`wrong-tenant`: empty, good, bad."""

from __future__ import annotations

from typing import Any

import pytest

from tenantcheck.model import Tenant
from tests.notation import CLEAN, found, judge, plan_for, short, verdict, with_witness


def test_another_tenant() -> None:
    (finding,) = found("o a1 b2", "wrong-tenant", edit={1: with_witness(tenant_id="a")})
    assert short(finding) == ("breach", ("b",), None, (1,))
    assert finding.details == {"expected": "b", "saw": "a"}


@pytest.mark.parametrize("changes", [{"tenant_id": None, "tenant_null": True}, {"tenant_id": None}])
def test_no_tenant_is_a_weakness(changes: dict[str, Any]) -> None:
    """Null and empty text are no tenant, and so is a field that other answers carry."""
    blind = with_witness(**changes)
    (finding,) = found("o a1 b2 | r a1", "wrong-tenant", edit={0: blind, 1: blind})
    assert short(finding) == ("weakness", ("a",), None, (0,))
    assert finding.details == {"saw": "", "answers": 2}


def test_expect_is_what_counts() -> None:
    named = Tenant(index=0, id="a", expect="tenant-a")
    plan = plan_for(tenants=(named, plan_for().tenants[1]))
    assert not found("o a1 b2", "wrong-tenant", plan, {0: with_witness(tenant_id="tenant-a")})


def test_a_field_that_no_answer_carries_is_no_weakness() -> None:
    assert not found("o a1 b2", "wrong-tenant", edit={n: with_witness(tenant_id=None) for n in range(2)})


def renamed(**names: str) -> dict[int, Any]:
    """Every answer of a clean run names its tenant otherwise."""
    return {n: with_witness(tenant_id=names["ab"[n % 2]]) for n in range(26)}


def test_a_consistent_renaming_is_a_remark() -> None:
    """
    Given a service that hashes tenant ids, so that the handler calls each tenant by one other name
    When the run is judged
    Then it passes, with a remark.
    """
    result = verdict(CLEAN, edit=renamed(a="86f7e437", b="e9d71f5e"))
    assert result.outcome == "pass"
    assert result.remarks == ("the handler calls 'a' '86f7e437', and every other tenant by a name of its own",)


@pytest.mark.parametrize(
    "names",
    [{"a": "x", "b": "x"}, {"a": "b", "b": "a"}, {"a": "b", "b": "b"}],
    ids=["one name for two", "each other's names", "another's name"],
)
def test_two_names_that_are_one_or_anothers_are_a_breach(names: dict[str, str]) -> None:
    assert verdict(CLEAN, edit=renamed(**names)).outcome == "fail"


def test_two_names_of_one_tenant_are_a_breach() -> None:
    edit = renamed(a="x", b="y") | {4: with_witness(tenant_id="z")}
    assert {f.severity for f in found(CLEAN, "wrong-tenant", edit=edit)} == {"breach"}


def test_a_name_that_was_stated_is_not_any_other_name() -> None:
    named = tuple(Tenant(index=n, id=id_, expect=f"tenant-{id_}") for n, id_ in enumerate("ab"))
    assert found(CLEAN, "wrong-tenant", plan_for(tenants=named), renamed(a="x", b="y"))


def test_who_a_request_was_served_as_goes_by_the_learnt_name() -> None:
    judged = judge(CLEAN, edit=renamed(a="86f7e437", b="e9d71f5e"))
    assert [judged.environments.people.named(name) for name in ("e9d71f5e", "a", "c")] == [1, 0, None]
