"""`foreign-tenant-accepted`: empty, good, bad."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from tenantcheck.model import Named, Tenant
from tenantcheck.model.boundary import groups, why_not
from tenantcheck.model.repeat import variable
from tests.notation import REPEAT, attack, command, judged, plan_for

CHECK = "foreign-tenant-accepted"


OWN: dict[str, Any] = {
    "tenants": tuple(
        Tenant(index=n, id=id_, expect=id_, credential_names=("Authorization",)) for n, id_ in enumerate("ab")
    )
}


def test_served_as_a_tenant_the_credentials_do_not_belong_to() -> None:
    status, _, (finding,) = judged(attack(CHECK, "2", tenant="b", credential="a", saw="b", **OWN), CHECK)
    assert (status, finding.tenants) == ("breached", ("a", "b"))


def test_the_command_names_whose_credentials_it_needs() -> None:
    authorization = Named(name="Authorization", value=(variable("AUTHORIZATION", own=True),))
    repeat = structs.replace(REPEAT, headers=(authorization, *REPEAT.headers))
    judge = attack(CHECK, "2", tenant="b", credential="a", saw="b", repeat=repeat, **OWN)
    _, _, (finding,) = judged(judge, CHECK)
    assert command(finding).startswith(
        "curl -i -H 'Authorization: '\"${TENANT_A_AUTHORIZATION}\" -H 'x-tenant-id: b' "
    )


def test_an_authorizer_that_ignores_the_id_is_correct() -> None:
    assert judged(attack(CHECK, "1", tenant="b", credential="a", saw="a", **OWN), CHECK)[:2] == ("clean", 1)


def test_refused() -> None:
    assert judged(attack(CHECK, "x", tenant="b", credential="a", **OWN), CHECK)[:2] == ("clean", 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "tenants have no credentials of their own"),
        (OWN | {"boundary": False}, "allow it with --boundary"),
        (OWN | {"tenant_place": "credentials"}, "no tenant id is sent"),
    ],
)
def test_where_it_has_no_place(changes: dict[str, Any], reason: str) -> None:
    settings: dict[str, Any] = {"tenant_place": "header:x-tenant-id", "boundary": True}
    plan = plan_for(**(settings | changes))
    assert reason in why_not(plan, CHECK)
    assert CHECK not in {each.purpose for group in groups(plan) for each in group.attacks}
