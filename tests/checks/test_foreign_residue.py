"""`foreign-residue`: empty, good, bad."""

from __future__ import annotations

from tenantcheck.model import SeenNonce
from tenantcheck.model import nonce as nonces
from tests.notation import RUN, changed, found, short


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


def test_own_residue_is_fine() -> None:
    own = nonces.compose("ffffffff", nonces.tag("b"), 0, "0" * 16)
    assert not found("o a1 b2", "foreign-residue", edit={1: changed(seen=(SeenNonce(nonce=own, place="body"),))})
