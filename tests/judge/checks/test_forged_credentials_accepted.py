"""`forged-credentials-accepted`: empty, good, bad."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from tenantcheck.model import Named, Sent, Tenant
from tenantcheck.model.boundary import groups, why_not
from tenantcheck.model.repeat import variable
from tests.notation import REPEAT, attack, changed, command, judged, plan_for

CHECK = "forged-credentials-accepted"


def own(*names: str) -> dict[str, Any]:
    return {
        "tenants": tuple(Tenant(index=n, id=id_, expect=id_, credential_names=names) for n, id_ in enumerate("ab"))
    }


@pytest.mark.parametrize("tampered", ["changed", "absent"])
def test_served_as_somebody(tampered: Any) -> None:
    status, _, (finding,) = judged(
        attack(CHECK, "1", tenant="a", sent=Sent(tampered=tampered), saw="a", **own("Authorization")), CHECK
    )
    assert (status, finding.tenants, finding.details) == ("breached", ("a",), {"credentials": tampered})


def test_served_out_of_a_cache() -> None:
    """The same bytes that an ordinary request got, without the function being asked."""
    hit = changed(headers={"cf-cache-status": "HIT"})
    judge = attack(CHECK, "1", tenant="a", sent=Sent(tampered="changed"), saw="a", edit=hit, **own("Authorization"))
    assert judged(judge, CHECK)[0] == "breached"


def test_refused() -> None:
    judge = attack(CHECK, "x", tenant="a", sent=Sent(tampered="changed"), **own("Authorization"))
    assert judged(judge, CHECK)[:2] == ("clean", 1)


def test_everybody_refused_says_nothing() -> None:
    judge = attack(CHECK, "x", tenant="a", sent=Sent(tampered="changed"), frames="xx", **own("Authorization"))
    assert judged(judge, CHECK)[:2] == ("not-exercised", 0)


@pytest.mark.parametrize(
    ("tampered", "header"), [("changed", '\'"${TENANT_A_AUTHORIZATION_CHANGED}"'), ("absent", "'")]
)
def test_the_command_says_what_was_sent_instead(tampered: Any, header: str) -> None:
    authorization = Named(name="Authorization", value=(variable("AUTHORIZATION", own=True),))
    repeat = structs.replace(REPEAT, headers=(authorization, *REPEAT.headers))
    judge = attack(
        CHECK, "1", tenant="a", sent=Sent(tampered=tampered), saw="a", repeat=repeat, **own("Authorization")
    )
    _, _, (finding,) = judged(judge, CHECK)
    assert command(finding).startswith(f"curl -i -H 'Authorization: {header} -H 'x-tenant-id: a' ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "tenants have no tokens, keys or cookies of their own"),
        (own("x-region"), "tenants have no tokens, keys or cookies of their own"),
        (own("aws_access_key_id", "aws_secret_access_key"), "tenants have no tokens"),
        (own("Authorization") | {"boundary": False}, "allow it with --boundary"),
        (own("Authorization") | {"kind": "invoke", "tenant_place": "invoke"}, "Invoke"),
    ],
)
def test_where_it_has_no_place(changes: dict[str, Any], reason: str) -> None:
    settings: dict[str, Any] = {"tenant_place": "header:x-tenant-id", "boundary": True}
    plan = plan_for(**(settings | changes))
    assert reason in why_not(plan, CHECK)
    assert CHECK not in {each.purpose for group in groups(plan) for each in group.attacks}


@pytest.mark.parametrize("names", [("Authorization",), ("X-Api-Key",), ("Cookie",), ("?access_token",)])
def test_where_it_has_one(names: tuple[str, ...]) -> None:
    plan = plan_for(tenant_place="credentials", boundary=True, **own(*names))
    sent = [each for group in groups(plan) for each in group.attacks if each.purpose == CHECK]
    assert [(each.tenant, each.sent.tampered) for each in sent] == [(0, "changed"), (0, "absent")]
