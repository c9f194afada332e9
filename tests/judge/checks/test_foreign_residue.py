"""`foreign-residue`: empty, good, bad."""

from __future__ import annotations

from tenantcheck.model import SeenNonce
from tenantcheck.model import nonce as nonces
from tests.notation import RUN, changed, found, short, with_witness


def test_a_foreign_nonce_in_memory() -> None:
    foreign = nonces.compose(RUN, nonces.tag("a"), 0, f"{0:016x}")
    seen = changed(seen=(SeenNonce(nonce=foreign, place="residue-memory"),))
    (finding,) = found("o a1 b2", "foreign-residue", edit={1: seen})
    assert short(finding) == ("breach", ("a", "b"), None, (0, 1))
    assert finding.details == {"nonce": foreign, "place": "residue-memory", "encoding": "raw"}


def test_of_an_earlier_run_it_has_one_exhibit() -> None:
    foreign = nonces.compose("ffffffff", nonces.tag("zed"), 0, "0" * 16)
    seen = changed(seen=(SeenNonce(nonce=foreign, place="body", encoding="base64"),))
    (finding,) = found("o a1 b2", "foreign-residue", edit={1: seen})
    assert short(finding) == ("breach", ("b",), None, (1,))


def test_in_a_replay_within_a_tenant_it_is_found_too() -> None:
    """The response that is replayed need not be in this history."""
    stale = nonces.compose("ffffffff", nonces.tag("b"), 0, "0" * 16)
    foreign = nonces.compose(RUN, nonces.tag("a"), 0, f"{0:016x}")
    seen = (SeenNonce(nonce=foreign, place="residue-memory"),)
    replay = {3: lambda o: changed(seen=seen)(with_witness(nonce=stale)(o))}
    (finding,) = found("o a1 b2 | r a1 b2", "foreign-residue", edit=replay)
    assert (finding.severity, finding.tenants) == ("breach", ("a", "b"))


def test_own_residue_is_fine() -> None:
    own = nonces.compose("ffffffff", nonces.tag("b"), 0, "0" * 16)
    assert not found("o a1 b2", "foreign-residue", edit={1: changed(seen=(SeenNonce(nonce=own, place="body"),))})
