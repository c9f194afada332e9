"""How a request is sent again: with the id it was sent with, none, or two, and its nonce where it was."""

from __future__ import annotations

from typing import Any

import pytest

from tenantcheck.judge.checks.repeating import repeat_of
from tenantcheck.model import HttpRepeat, InvokeRepeat, Named, Part, Repeat, Request, Sent
from tenantcheck.model import nonce as nonces
from tenantcheck.model.repeat import text, variable
from tenantcheck.reports.shell import command_line
from tests.notation import RUN, plan_for

NONCE = nonces.compose(RUN, nonces.tag("a"), 3, "0" * 16)
TENANT, NONCE_PART = (Part(kind="tenant"),), (Part(kind="nonce"),)
HEADER = HttpRepeat(
    url=(text("https://x.test/"),),
    query=(Named(name="k", value=(variable("K"),)), Named(name="nonce", value=NONCE_PART)),
    headers=(Named(name="x-tenant-id", value=TENANT),),
)
QUERY = HttpRepeat(url=(text("https://x.test/p"),), query=(Named(name="t", value=TENANT),))
PATH = HttpRepeat(url=(text("https://x.test/"), Part(kind="tenant"), text("/p")))
INVOKE = InvokeRepeat(function="f", tenant=TENANT, payload=(text("{}"),))


def repeated(template: Repeat, place: str = "header:x-tenant-id", **request: Any) -> str:
    plan = plan_for(repeat=template, tenant_place=place, aliases=("header:x-org-id", "query:org_id", "query:org"))
    settings: dict[str, Any] = {"seq": 3, "wave": 1, "kind": "single", "slot": 0, "tenant": 0, "nonce": NONCE}
    repeat = repeat_of(plan, Request(**(settings | request)))
    assert repeat is not None
    return command_line(repeat)


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        ({}, f"-H 'x-tenant-id: a' 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'"),
        (
            {"tenant": None, "purpose": "missing-tenant-accepted"},
            f"'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'",
        ),
        (
            {"tenant": None, "sent": Sent(ids=("tck!invalid",))},
            f"-H 'x-tenant-id: tck!invalid' 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'",
        ),
        (
            {"sent": Sent(ids=("a", "b"))},
            f"-H 'x-tenant-id: a' -H 'x-tenant-id: b' 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'",
        ),
        (
            {"sent": Sent(reserved="b")},
            f"-H 'x-tenant-id: a' -H 'X-Amz-Tenant-Id: b' 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'",
        ),
        (
            {"sent": Sent(elsewhere="b")},
            f"-H 'x-tenant-id: a' -H 'x-org-id: b' 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}'",
        ),
        (
            {"sent": Sent(elsewhere="b", elsewhere_in="query")},
            f"-H 'x-tenant-id: a' 'https://x.test/?k='\"${{K}}\"'&nonce={NONCE}&org_id=b&org=b'",
        ),
        (
            {"sent": Sent(nonce_in_header=True)},
            f"-H 'x-tenant-id: a' -H 'x-tenantcheck-nonce: {NONCE}' 'https://x.test/?k='\"${{K}}\"",
        ),
    ],
    ids=["ordinary", "nobody", "invalid", "two headers", "reserved", "other header", "other query", "cacheable"],
)
def test_each_kind_of_request(request_: dict[str, Any], command: str) -> None:
    assert repeated(HEADER, **request_) == f"curl -i {command}"


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        ({}, "'https://x.test/p?t=a'"),
        ({"tenant": None}, "https://x.test/p"),
        ({"sent": Sent(ids=("a", "b&c"))}, "'https://x.test/p?t=a&t=b%26c'"),
        ({"sent": Sent(elsewhere="b", elsewhere_in="query")}, "'https://x.test/p?t=a&org_id=b&org=b'"),
    ],
    ids=["ordinary", "nobody", "two parameters", "other query"],
)
def test_a_tenant_in_the_query(request_: dict[str, Any], command: str) -> None:
    assert repeated(QUERY, "query:t", **request_) == f"curl -i {command}"


def test_a_tenant_in_the_path_is_percent_encoded() -> None:
    assert repeated(PATH, "path", sent=Sent(ids=("a/b",))) == "curl -i https://x.test/a%2Fb/p"


def test_a_url_without_a_query_gets_one() -> None:
    bare = HttpRepeat(url=(text("https://x.test/p"),))
    command = repeated(bare, sent=Sent(elsewhere="b", elsewhere_in="query"))
    assert command == "curl -i 'https://x.test/p?org_id=b&org=b'"


@pytest.mark.parametrize(("tenant", "option"), [(0, " --tenant-id a"), (None, "")])
def test_a_call_of_invoke(tenant: int | None, option: str) -> None:
    command = repeated(INVOKE, "invoke", tenant=tenant)
    assert command == (
        f"aws lambda invoke --function-name f{option} --cli-binary-format raw-in-base64-out "
        "--payload '{}' /dev/stdout"
    )


def test_a_plan_without_a_command() -> None:
    request = Request(seq=0, wave=0, kind="opening", slot=0, tenant=0, nonce=NONCE)
    assert repeat_of(plan_for(repeat=None), request) is None
