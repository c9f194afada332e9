"""`ambiguous-tenant`: empty, good, bad."""

from __future__ import annotations

import pytest

from tenantcheck.model import Sent, Tenant
from tests.notation import attack, judged

CHECK = "ambiguous-tenant"


@pytest.mark.parametrize(("where", "which"), [("1", "first"), ("2", "second")])
def test_served_as_one_of_two(where: str, which: str) -> None:
    status, _, (finding,) = judged(attack(CHECK, where, tenant="a", sent=Sent(ids=("a", "b"))), CHECK)
    assert (status, finding.severity, finding.details) == ("weak", "weakness", {"which": which, "under": ""})


OWN = tuple(Tenant(index=n, id=id_, expect=id_, credential_names=("Authorization",)) for n, id_ in enumerate("ab"))


def test_with_credentials_their_tenant_is_right_and_the_other_one_a_breach() -> None:
    assert judged(attack(CHECK, "1", tenant="a", sent=Sent(ids=("a", "b")), tenants=OWN), CHECK)[::2] == ("clean", [])
    status, _, (finding,) = judged(attack(CHECK, "2", tenant="a", sent=Sent(ids=("a", "b")), tenants=OWN), CHECK)
    assert (status, finding.severity, finding.tenants) == ("breached", "breach", ("b",))


def test_refused() -> None:
    assert judged(attack(CHECK, "x", tenant="a", sent=Sent(ids=("a", "b"))), CHECK)[:2] == ("clean", 1)
