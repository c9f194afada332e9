"""`invalid-tenant-accepted`: empty, good, bad."""

from __future__ import annotations

from tenantcheck.model import Sent
from tests.notation import attack, command, judged

CHECK = "invalid-tenant-accepted"


def test_an_invalid_id_that_was_served() -> None:
    status, opportunities, (finding,) = judged(attack(CHECK, "3", sent=Sent(ids=("tck!invalid",))), CHECK)
    assert (status, opportunities, finding.details) == ("breached", 1, {"length": 11})
    assert "tck!invalid" in command(finding)


def test_refused() -> None:
    assert judged(attack(CHECK, "x", sent=Sent(ids=("tck!invalid",))), CHECK)[:2] == ("clean", 1)
