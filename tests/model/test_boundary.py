"""Which attacks a plan allows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tenantcheck.model import Tenant
from tenantcheck.model.boundary import attacks
from tenantcheck.plan import forecast
from tests.notation import plan_for

OWN = tuple(Tenant(index=n, id=f"t{n}", expect=f"t{n}", credential_names=("Authorization",)) for n in range(30))

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
        ({"nonce_in_url": True}, {"replayed-response": 4}),
        ({"nonce_in_url": True, "tenants": OWN}, {"replayed-response": 20}),
        ({"tenant_place": "invoke", "kind": "invoke"}, {"invalid-tenant-accepted": 2}),
        ({"tenant_place": "header:x", "boundary": True, "tenants": OWN[:2]}, FORGED | {"foreign-tenant-accepted": 2}),
        ({"tenant_place": "header:x", "boundary": True, "tenants": OWN[:3]}, FORGED | {"foreign-tenant-accepted": 6}),
        ({"tenant_place": "header:x", "boundary": True, "tenants": OWN}, FORGED | {"foreign-tenant-accepted": 20}),
        ({"tenant_place": "header:x", "tenants": OWN}, {}),
        ({"tenant_place": "credentials", "boundary": True, "tenants": OWN}, {"reserved-header-honoured": 2}),
        ({"tenant_place": "header:x", "boundary": True, "checks": ("ambiguous-tenant",)}, {"ambiguous-tenant": 2}),
    ],
)
def test_what_is_sent(changes: dict[str, Any], counts: dict[str, int]) -> None:
    assert Counter(attack.purpose for attack in attacks(plan_for(**changes))) == counts


def test_attacks_come_last_and_count_towards_the_plan() -> None:
    waves = forecast(plan_for("abcd", tenant_place="header:x", boundary=True)).waves
    kinds = [wave.kind for wave in waves]
    assert kinds[-7:] == ["single"] * 7
    assert "single" not in kinds[:-7]
    assert [wave.planned_left for wave in waves] == list(range(len(waves)))[::-1]
