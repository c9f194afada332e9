"""`lookalike-collapse`: empty, good, bad."""

from __future__ import annotations

from tenantcheck.model import SeenNonce
from tests.notation import CLEAN, changed, check_status, found, plan_for, short, verdict, waves, with_witness


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


def test_where_only_lookalikes_met_it_is_the_headline() -> None:
    """Not the environment that they shared, nor what one found there of the other."""
    plan = plan_for(newcomers="a")
    text = f"{CLEAN} | n A1"
    nonce = waves(text, plan)[0][0].request.nonce
    edit = {26: changed(seen=(SeenNonce(nonce=nonce, place="residue-memory"),))}
    result = verdict(text, plan, edit)
    assert result.reasons == ("lookalike-collapse: 1 breach", "foreign-residue: 1 breach")
    assert result.findings[0].check == "lookalike-collapse"


def test_a_lookalike_that_meets_another_tenant_is_a_meeting_of_tenants() -> None:
    plan = plan_for(newcomers="a")
    assert found(f"{CLEAN} | n A2", "shared-environment", plan)
    assert not found(f"{CLEAN} | n A2", "lookalike-collapse", plan)
