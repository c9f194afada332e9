"""`replayed-response`: empty, good, bad."""

from __future__ import annotations

import pytest
from msgspec import structs

from tenantcheck.model import nonce as nonces
from tests.notation import CLEAN, RUN, figure, found, plan_for, short, verdict, with_witness


def test_the_answer_to_another_tenants_request() -> None:
    foreign = nonces.compose(RUN, nonces.tag("a"), 0, f"{0:016x}")
    (finding,) = found("o a1 b2", "replayed-response", edit={1: with_witness(nonce=foreign)})
    assert short(finding) == ("breach", ("a", "b"), None, (0, 1))


@pytest.mark.parametrize(("answer", "expected"), [("1", ("clean", 1)), ("?", ("not-exercised", 0))])
def test_only_cacheable_requests_count_where_the_url_keeps_the_others_out_of_caches(
    answer: str, expected: tuple[str, int]
) -> None:
    """A handler that does not read the header's nonce answers them without a witness: nothing was tried."""
    edit = {26: lambda o: structs.replace(o, request=structs.replace(o.request, purpose="replayed-response"))}
    plan = plan_for(nonce_in_url=True)
    result = verdict(f"{CLEAN} | s a{answer}", plan, edit)
    (check,) = [check for check in result.results if check.id == "replayed-response"]
    assert (check.status, check.opportunities) == expected


def test_within_a_tenant_it_is_no_reuse() -> None:
    """
    Given a cache that answers a's second request with its first answer
    When the run is judged
    Then nothing is found, and the answer counts neither as clone nor as match.
    """
    own = nonces.compose(RUN, nonces.tag("a"), 0, f"{0:016x}")
    replay = {2: with_witness(nonce=own, invocation_count=1)}
    result = verdict("o a1 b2 | r a1 b2", edit=replay)
    assert result.findings == ()
    assert "1 answers were replays within one tenant" in result.remarks[0]
    assert figure(result).weakest_pair.probability == 1.0
