"""`reserved-header-honoured`: empty, good, bad."""

from __future__ import annotations

import pytest

from tenantcheck.model import Sent
from tests.notation import attack, command, judged

CHECK = "reserved-header-honoured"


@pytest.mark.parametrize(("where", "saw"), [("9", "b"), ("2", None)], ids=["by the witness", "by the environment"])
def test_served_as_the_forged_tenant(where: str, saw: str | None) -> None:
    status, _, (finding,) = judged(attack(CHECK, where, tenant="a", sent=Sent(reserved="b"), saw=saw), CHECK)
    assert (status, finding.tenants) == ("breached", ("a", "b"))
    assert command(finding).endswith(" -H 'X-Amz-Tenant-Id: b' https://example.test/")


@pytest.mark.parametrize(
    ("where", "expected"), [("1", ("clean", 1)), ("x", ("clean", 1)), ("9", ("not-exercised", 0))]
)
def test_ignored_refused_or_undecided(where: str, expected: tuple[str, int]) -> None:
    assert judged(attack(CHECK, where, tenant="a", sent=Sent(reserved="b")), CHECK)[:2] == expected


def test_not_where_it_is_the_chosen_header() -> None:
    plan = attack(CHECK, "x", tenant_place="header:x-amz-tenant-id")
    assert judged(plan, CHECK)[0] == "not-applicable"
