"""`not-isolated`: empty, good, bad."""

from __future__ import annotations

from tenantcheck.reports.sentences import finding_sentence
from tests.notation import CLEAN, changed, check_status, found, plan_for, short

REFUSAL = (
    "The invoked function is not enabled with tenancy configuration. "
    "Remove the tenant ID from your request and try again."
)


def test_lambda_refuses_the_tenant_id() -> None:
    plan = plan_for(kind="invoke", tenant_place="invoke")
    edit = {0: changed(error_text=REFUSAL, error_kind="tenancy-not-enabled")}
    (finding,) = found("s ax", "not-isolated", plan, edit)
    assert short(finding) == ("breach", ("a",), None, (0,))
    assert finding_sentence(finding) == f"Lambda refused the tenant id: {REFUSAL}"


def test_a_served_call_is_clean() -> None:
    assert check_status("not-isolated", "s a1", plan_for(kind="invoke", tenant_place="invoke")) == ("clean", 1)


def test_an_unanswered_call_exercises_nothing() -> None:
    assert check_status("not-isolated", "s a-", plan_for(kind="invoke", tenant_place="invoke")) == (
        "not-exercised",
        0,
    )


def test_it_is_not_for_probe() -> None:
    assert check_status("not-isolated", CLEAN) == ("not-applicable", 0)
