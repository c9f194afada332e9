"""How a request is sent again: with the id it was sent with, none, or two, and its nonce where it was."""

from __future__ import annotations

from typing import Any

import pytest

from tenantcheck.judge.checks.repeating import repeat_of
from tenantcheck.model import Argument, Part, Repeat, Request, Sent
from tenantcheck.model import nonce as nonces
from tenantcheck.model.repeat import text, variable
from tenantcheck.reports.shell import command_line
from tests.notation import RUN, plan_for

NONCE = nonces.compose(RUN, nonces.tag("a"), 3, "0" * 16)
HEADER = Argument(flag="-H", value=(text("x-tenant-id: "), Part(kind="tenant")))
URL = Argument(
    flag="--url",
    value=(text("https://x.test/?k="), variable("K"), text("&nonce="), Part(kind="nonce", percent=True)),
)


def repeated(*arguments: Argument, **request: Any) -> str:
    plan = plan_for(
        repeat=Repeat(command="curl", arguments=arguments),
        tenant_place="header:x-tenant-id",
        aliases=("header:x-org-id", "query:org_id", "query:org"),
    )
    settings: dict[str, Any] = {"seq": 3, "wave": 1, "kind": "single", "slot": 0, "tenant": 0, "nonce": NONCE}
    sent = Request(**(settings | request))
    repeat = repeat_of(plan, sent)
    assert repeat is not None
    return command_line(repeat)


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        ({}, f"curl -H 'x-tenant-id: a' --url 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'"),
        (
            {"tenant": None, "purpose": "missing-tenant-accepted"},
            f"curl --url 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'",
        ),
        (
            {"tenant": None, "sent": Sent(ids=("tck!invalid",))},
            f"curl -H 'x-tenant-id: tck!invalid' --url 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'",
        ),
        (
            {"sent": Sent(ids=("a", "b"))},
            f"curl -H 'x-tenant-id: a' --url 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}' -H 'x-tenant-id: b'",
        ),
        (
            {"sent": Sent(reserved="b")},
            f"curl -H 'x-tenant-id: a' --url 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}' -H 'X-Amz-Tenant-Id: b'",
        ),
        (
            {"sent": Sent(elsewhere="b")},
            f"curl -H 'x-tenant-id: a' --url 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}' -H 'x-org-id: b'",
        ),
        (
            {"sent": Sent(elsewhere="b", elsewhere_in="query")},
            f"curl -H 'x-tenant-id: a' --url 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}&org_id=b&org=b'",
        ),
        (
            {"sent": Sent(nonce_in_header=True)},
            f"curl -H 'x-tenant-id: a' --url 'https://x.test/?k='\"${{K}}\" -H 'x-tenantcheck-nonce: {NONCE}'",
        ),
    ],
    ids=["ordinary", "nobody", "invalid", "two headers", "reserved", "other header", "other query", "cacheable"],
)
def test_each_kind_of_request(request_: dict[str, Any], command: str) -> None:
    assert repeated(HEADER, URL, **request_) == command


def test_a_url_without_a_query_gets_one() -> None:
    bare = Argument(flag="--url", value=(text("https://x.test/p"),))
    command = repeated(bare, sent=Sent(elsewhere="b", elsewhere_in="query"))
    assert command == "curl --url 'https://x.test/p?org_id=b&org=b'"


def test_a_plan_without_a_command() -> None:
    request = Request(seq=0, wave=0, kind="opening", slot=0, tenant=0, nonce=NONCE)
    assert repeat_of(plan_for(repeat=None), request) is None
