"""`missing-tenant-accepted`: empty, good, bad."""

from __future__ import annotations

from typing import Any

import pytest

from tenantcheck.model import Observation, SeenNonce
from tests.notation import Edit, attack, changed, command, judged, short

CHECK = "missing-tenant-accepted"


def test_served_without_a_tenant() -> None:
    status, opportunities, (finding,) = judged(attack(CHECK, "3"), CHECK)
    assert (status, opportunities) == ("breached", 1)
    assert short(finding)[0::3] == ("breach", (1001,))
    assert "x-tenant-id" not in command(finding)


def echoed(observation: Observation) -> Observation:
    return changed(seen=(SeenNonce(nonce=observation.request.nonce, place="body"),))(observation)


@pytest.mark.parametrize("edit", [echoed, changed(shape="same")], ids=["echo", "shape"])
def test_served_as_somebody_without_a_witness(edit: Edit) -> None:
    """The echo of its nonce, or a body like those that ordinary requests get."""
    ordinary = changed(shape="same")
    assert judged(attack(CHECK, "?", edit=edit, frame_edit=ordinary), CHECK)[0] == "breached"


def test_a_sign_in_page_is_no_acceptance() -> None:
    """
    Given a service that answers a request without a tenant with its sign-in page, status 200
    When it is judged
    Then the check could not tell, and says what came.
    """
    page = changed(shape=None, headers={"content-type": "text/html"})
    judge = attack(CHECK, "?", edit=page, frame_edit=changed(shape="same"))
    assert judged(judge, CHECK)[:2] == ("not-exercised", 0)
    (result,) = [result for result in judge.performed().results if result.id == CHECK]
    assert result.reason == "answered, but not as somebody: 200 text/html"


@pytest.mark.parametrize("frames", ["1x", "x1", "xx", "1-"])
def test_a_refusal_beside_refused_ordinary_requests_proves_nothing(frames: str) -> None:
    """
    Given a firewall that refuses everything by the time the boundary is attacked
    When the attack is refused too
    Then the check was not exercised, and a run that would pass is inconclusive.
    """
    judge = attack(CHECK, "x", frames=frames)
    assert judged(judge, CHECK)[:2] == ("not-exercised", 0)
    doubts = [*judge._why._refused_frames()]
    assert bool(doubts) is ("x" in frames)


@pytest.mark.parametrize(
    ("where", "expected"), [("x", ("clean", 1)), ("~", ("not-exercised", 0)), ("!", ("not-exercised", 0))]
)
def test_refused_or_undecided(where: str, expected: tuple[str, int]) -> None:
    assert judged(attack(CHECK, where), CHECK)[:2] == expected


def test_invoke_is_judged_by_its_opening_call() -> None:
    options: dict[str, Any] = {"kind": "invoke", "tenant_place": "invoke"}
    assert judged(attack("not-isolated", "3", **options), CHECK)[0] == "breached"
    assert judged(attack("not-isolated", "x", **options), CHECK)[0] == "not-exercised"
    assert judged(attack(CHECK, "x", **options), CHECK)[0] == "clean"
