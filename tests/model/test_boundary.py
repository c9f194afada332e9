"""Which attacks a plan allows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tenantcheck.model import Tenant
from tenantcheck.model.boundary import CACHEABLE, changed, groups
from tenantcheck.run.plan import forecast
from tests.notation import plan_for

OWN = tuple(Tenant(index=n, id=f"t{n}", expect=f"t{n}", credential_names=("Authorization",)) for n in range(30))

TAMPERED = {"forged-credentials-accepted": 2}
FORGED = {"reserved-header-honoured": 2, "ambiguous-tenant": 2}


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, {}),
        (
            {"tenant_place": "header:x", "boundary": True},
            {
                "missing-tenant-accepted": 1,
                "invalid-tenant-accepted": 2,
                "reserved-header-honoured": 2,
                "ambiguous-tenant": 2,
            },
        ),
        ({"tenant_place": "header:x"}, {"missing-tenant-accepted": 1, "invalid-tenant-accepted": 2}),
        ({"tenant_place": "query:x"}, {"missing-tenant-accepted": 1, "invalid-tenant-accepted": 2}),
        ({"tenant_place": "path", "boundary": True}, {"reserved-header-honoured": 2}),
        ({"tenant_place": "header:X-Amz-Tenant-Id", "boundary": True, "checks": ("reserved-header-honoured",)}, {}),
        ({"nonce_in_url": True}, {"replayed-response": 6}),
        ({"nonce_in_url": True, "tenants": OWN}, {"replayed-response": 30}),
        ({"tenant_place": "nowhere", "kind": "invoke"}, {}),
        ({"tenant_place": "host", "boundary": True}, {"reserved-header-honoured": 2}),
        ({"tenant_place": "invoke", "kind": "invoke"}, {"missing-tenant-accepted": 1, "invalid-tenant-accepted": 2}),
        (
            {"tenant_place": "header:x", "boundary": True, "tenants": OWN[:2]},
            FORGED | {"foreign-tenant-accepted": 2} | TAMPERED,
        ),
        (
            {"tenant_place": "header:x", "boundary": True, "tenants": OWN[:3]},
            FORGED | {"foreign-tenant-accepted": 6} | TAMPERED,
        ),
        (
            {"tenant_place": "header:x", "boundary": True, "tenants": OWN},
            FORGED | {"foreign-tenant-accepted": 20} | TAMPERED,
        ),
        ({"tenant_place": "header:x", "tenants": OWN}, {}),
        (
            {"tenant_place": "credentials", "boundary": True, "tenants": OWN},
            {"reserved-header-honoured": 2} | TAMPERED,
        ),
        ({"tenant_place": "header:x", "boundary": True, "checks": ("ambiguous-tenant",)}, {"ambiguous-tenant": 2}),
    ],
)
def test_what_is_sent(changes: dict[str, Any], counts: dict[str, int]) -> None:
    sent = Counter(attack.purpose for group in groups(plan_for(**changes)) for attack in group.attacks)
    assert {purpose: count for purpose, count in sent.items() if purpose != "frame"} == counts


def test_attacks_come_last_and_count_towards_the_plan() -> None:
    waves = forecast(plan_for("abcd", tenant_place="header:x", boundary=True)).waves
    kinds = [wave.kind for wave in waves]
    assert kinds[-2:] == ["single"] * 2
    assert "single" not in kinds[:-2]
    assert [wave.planned_left for wave in waves] == list(range(len(waves)))[::-1]


def test_every_attack_stands_between_ordinary_requests_of_its_tenant() -> None:
    plan = plan_for(tenant_place="header:x", boundary=True, tenants=OWN[:3])
    for group in groups(plan):
        purposes = [attack.purpose for attack in group.attacks]
        assert (purposes[0], purposes[-1]) == ("frame", "frame")
        (tenant,) = {attack.framed_by for attack in group.attacks}
        assert {attack.tenant for attack in group.attacks if attack.purpose == "frame"} == {tenant}
        checks = "".join("|" if purpose == "frame" else "." for purpose in purposes)
        assert "||" not in checks


def test_other_names_of_the_tenant_are_tried_once_per_place() -> None:
    plan = plan_for(tenant_place="header:x", boundary=True, aliases=("header:org", "query:org"))
    sent = [attack for group in groups(plan) for attack in group.attacks if attack.sent.elsewhere is not None]
    assert [(attack.purpose, attack.sent.elsewhere_in, attack.sent.elsewhere) for attack in sent] == [
        ("ambiguous-tenant", "header", "b"),
        ("ambiguous-tenant", "query", "b"),
    ]


def test_cacheable_requests_go_together_before_they_go_alone() -> None:
    one, two = groups(plan_for(nonce_in_url=True))
    assert (one.together, two.together) == (True, False)
    assert {attack.purpose for attack in (*one.attacks, *two.attacks)} == {CACHEABLE}


@pytest.mark.parametrize(
    ("issued", "sent"),
    [
        ("Bearer eyJh.eyJz.SflKxw", "Bearer eyJh.eyJz.TflKxw"),
        ("abcdef0123", "abcdea0123"),
        ("key-7", "kez-7"),
        ("Basic dXNlcjpw", "Basic dXNldjpw"),
        ("session=9f8e7d6c5b", "session=9f8e7e6c5b"),
        ("a=1; session=9f8e7d6c5b; b=2", "a=1; session=9f8e7e6c5b; b=2"),
        ("Basic dXNlcg==", "Basic dXNmcg=="),
        ("", "x"),
        ("Bearer ", "Bearer x"),
    ],
)
def test_credentials_with_one_character_changed(issued: str, sent: str) -> None:
    assert changed(issued) == sent
