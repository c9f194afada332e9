"""`wrong-tenant`: empty, good, bad."""

from __future__ import annotations

from tenantcheck.model import Observation, Tenant
from tests.notation import changed, found, plan_for, short, with_witness


def test_another_tenant() -> None:
    (finding,) = found("o a1 b2", "wrong-tenant", edit={1: with_witness(tenant_id="a")})
    assert short(finding) == ("breach", ("b",), None, (1,))
    assert finding.details == {"expected": "b", "saw": "a"}


def test_no_tenant_is_a_weakness() -> None:
    def blind(observation: Observation) -> Observation:
        observation = with_witness(tenant_id=None)(observation)
        return changed(witness_errors=("tenantId: null",))(observation)

    (finding,) = found("o a1 b2", "wrong-tenant", edit={0: blind, 1: blind})
    assert short(finding) == ("weakness", ("a",), None, (0,))
    assert finding.details == {"saw": "", "answers": 2}


def test_expect_is_what_counts() -> None:
    named = Tenant(index=0, id="a", expect="tenant-a")
    plan = plan_for(tenants=(named, plan_for().tenants[1]))
    assert not found("o a1 b2", "wrong-tenant", plan, {0: with_witness(tenant_id="tenant-a")})
