"""HTTP targets: where tenant, credentials and nonce travel, and what is never shown."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from msgspec import structs

from tenantcheck.errors import UsageError
from tenantcheck.judge.checks.repeating import repeat_of
from tenantcheck.model import CACHE_HEADERS, Call, Reply, Request, Sent
from tenantcheck.model.secrets import Secrets
from tenantcheck.reports.shell import command_line
from tenantcheck.run.plan import Credentials, TenantRow, parse_tenants
from tenantcheck.run.targets.http import (
    HttpRequestSpec,
    HttpTarget,
    Location,
    parse_header,
    parse_nonce_place,
)
from tenantcheck.run.targets.target import KEPT_HEADERS, kept_headers, media_type
from tenantcheck.run.targets.urls import display_url
from tests.notation import plan_for, waves

REQUEST = Request(seq=0, wave=0, kind="opening", slot=0, tenant=0, nonce="tck1-n")
ACME = TenantRow(
    id="ac/me +",
    expect="acme",
    credentials=Credentials(headers=(("Authorization", "Bearer hunter2"),), query=(("key", "hunter3"),)),
)


def prepared(row: TenantRow = ACME, request: Request = REQUEST, **spec: Any) -> Call:
    target = HttpTarget(HttpRequestSpec(**{"url": "https://x.test/p"} | spec))
    target = target.with_rows([row])
    return target.prepare(request)


def query(call: Call) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(call.url).query))


def test_the_tenant_in_a_header() -> None:
    call = prepared()
    assert ("x-tenant-id", "ac/me +") in call.headers
    assert ("x-tenantcheck-nonce", "tck1-n") in call.headers
    assert ("Authorization", "Bearer hunter2") in call.headers
    assert query(call) == {"key": "hunter3"}


def test_the_tenant_in_the_query_beside_what_is_there() -> None:
    call = prepared(url="https://x.test/p?a=1", tenant=Location("query", "tenant"), nonce=Location("query", "n"))
    assert query(call) == {"a": "1", "key": "hunter3", "tenant": "ac/me +", "n": "tck1-n"}
    assert all(name != "x-tenant-id" for name, _ in call.headers)


def test_a_cacheable_request_has_its_nonce_in_a_header() -> None:
    request = structs.replace(REQUEST, sent=Sent(nonce_in_header=True))
    call = prepared(nonce=Location("query", "n"), request=request)
    assert ("x-tenantcheck-nonce", "tck1-n") in call.headers
    assert query(call) == {"key": "hunter3"}
    body = prepared(nonce=Location("body", "n"), data=b'{"a": 1}', request=request)
    assert (body.body, ("x-tenantcheck-nonce", "tck1-n") in body.headers) == (b'{"a": 1}', True)


@pytest.mark.parametrize(
    ("method", "nonce", "expected"),
    [("GET", "query:n", True), ("GET", "header:n", False), ("GET", "none", False), ("POST", "query:n", False)],
)
def test_only_gets_with_the_nonce_in_the_url_are_kept_from_caches_by_it(
    method: str, nonce: str, expected: bool
) -> None:
    spec = HttpRequestSpec(url="https://x.test/", method=method, nonce=parse_nonce_place(nonce))
    assert HttpTarget(spec).nonce_in_url is expected


def test_the_tenant_in_the_path() -> None:
    call = prepared(url="https://x.test/{tenant}/p", tenant=Location("path"))
    assert call.url.startswith("https://x.test/ac%2Fme%20%2B/p?")


def test_the_credentials_alone() -> None:
    call = prepared(tenant=Location("none"))
    assert "ac/me" not in str(call.headers) + call.url


def test_a_tenants_header_replaces_the_runs() -> None:
    call = prepared(headers=(("authorization", "Basic run"), ("x-other", "1")))
    assert [name.lower() for name, _ in call.headers].count("authorization") == 1


@pytest.mark.parametrize(("data", "kind"), [(b'{"a": 1}', "application/json"), (b"a=1", "text/plain")])
def test_a_body_has_a_type(data: bytes, kind: str) -> None:
    assert ("content-type", kind) in prepared(data=data).headers


def test_the_nonce_in_the_body() -> None:
    call = prepared(data=b'{"a": 1}', nonce=Location("body", "n"))
    assert json.loads(call.body) == {"a": 1, "n": "tck1-n"}
    assert json.loads(prepared(nonce=Location("body", "n")).body) == {"n": "tck1-n"}


def test_a_body_that_can_not_carry_it() -> None:
    with pytest.raises(UsageError, match="needs a JSON object"):
        prepared(data=b"[1]", nonce=Location("body", "n"))


def test_another_id_and_other_credentials() -> None:
    """What the boundary checks send."""
    other = TenantRow(id="b", expect="b")
    target = HttpTarget(HttpRequestSpec(url="https://x.test/"))
    target = target.with_rows([ACME, other])
    request = Request(seq=0, wave=0, kind="single", slot=0, tenant=1, nonce="n", sent=Sent(ids=("c",), credential=0))
    call = target.prepare(request)
    assert ("x-tenant-id", "c") in call.headers
    assert ("Authorization", "Bearer hunter2") in call.headers


def test_user_info_becomes_a_header() -> None:
    call = prepared(TenantRow(id="a", expect="a"), url="https://us%20er:pa%3Ass@x.test/")
    assert urlsplit(call.url).hostname == "x.test"
    assert "pa" not in call.url
    assert ("Authorization", "Basic dXMgZXI6cGE6c3M=") in call.headers


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://x", "is not a URL to probe"),
        ("x.test/p", "is not a URL to probe"),
        ("http://", "is not a URL to probe"),
        ("http://x.test/a b", "spaces or control characters"),
        ("http://x.test/\r\nHost: y", "spaces or control characters"),
        ("http://x.test/{tenant}", "excludes --tenant-header"),
        ("http://x.test/{tenantid}", "braces that are not"),
        ("http://x.test:99999/", "port is not between 0 and 65535"),
        ("http://[::1", "the URL can't be read"),
    ],
)
def test_urls_that_can_not_be_probed(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        HttpTarget(HttpRequestSpec(url=url))


def test_what_is_shown_of_a_url() -> None:
    url = "https://user:hunter2@x.test:8443/p?key=hunter2&b=#f"
    assert display_url(url) == "https://x.test:8443/p?key=${KEY}&b=${B}"


def test_the_repeat_command_has_variables_for_secrets() -> None:
    target = HttpTarget(
        HttpRequestSpec(
            url="https://u:hunter2@x.test/?k=hunter2",
            method="POST",
            headers=(("X-Key", "hunter2"),),
            data=b"hunter2",
        )
    )
    target = target.with_rows([ACME])
    plan = plan_for(repeat=target.repeat())
    (sent,) = waves("o a1", plan)[0]
    repeat = repeat_of(plan, sent.request)
    assert repeat is not None
    assert "hunter" not in command_line(repeat)
    assert command_line(repeat) == (
        "curl -i -X POST -H 'X-Key: '\"${X_KEY}\" "
        "-H 'Authorization: '\"${TENANT_A_AUTHORIZATION}\" -H 'x-tenant-id: a' "
        f"-H 'x-tenantcheck-nonce: {sent.request.nonce}' -H 'content-type: text/plain' -d \"${{DATA}}\" "
        "'https://x.test/?k='\"${K}\"'&key='\"${TENANT_A_KEY}\""
    )


def test_a_command_names_the_variables_that_the_user_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a tenants file whose values are variables, one with something around it
    When a request is shown as a command
    Then it names those variables, and one of this program for the value that is more than a variable.
    """
    monkeypatch.setenv("ACME_TOKEN", "hunter2")
    monkeypatch.setenv("acme_key", "hunter2")
    file = """
        [[tenant]]
        id = "a"
        credentials = { bearer = "${ACME_TOKEN}", api_key = "${acme_key}" }
        headers = { x-mixed = "hunter2-${acme_key}" }
        query = { k = "${acme_key}" }
        [[tenant]]
        id = "b"
    """
    rows = parse_tenants("@t.toml", {"t.toml": file.encode()})
    target = HttpTarget(HttpRequestSpec(url="https://x.test/")).with_rows(rows.rows)
    plan = plan_for(repeat=target.repeat(), tenants=rows.tenants())
    (sent,) = waves("o a1", plan_for())[0]
    repeat = repeat_of(plan, sent.request)
    assert repeat is not None
    assert command_line(repeat).startswith(
        "curl -i -H 'Authorization: Bearer '\"${ACME_TOKEN}\" -H 'x-api-key: '\"${acme_key}\" "
        "-H 'x-mixed: '\"${TENANT_A_X_MIXED}\" -H 'x-tenant-id: a' "
    )
    assert command_line(repeat).endswith(" 'https://x.test/?k='\"${acme_key}\"")
    assert b"hunter2" not in msgspec.json.encode(plan)
    forged = structs.replace(sent.request, sent=Sent(tampered="changed"))
    changed = repeat_of(plan, forged)
    assert changed is not None
    assert 'Bearer \'"${ACME_TOKEN_CHANGED}"' in command_line(changed)


def test_secrets_do_not_show_in_representations() -> None:
    assert "hunter" not in repr(prepared()) + repr(ACME) + repr(Reply(body=b"hunter2", error_text="hunter2"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("header:X-N", Location("header", "X-N")),
        ("query:n", Location("query", "n")),
        ("body:n", Location("body", "n")),
        ("none", Location("none")),
    ],
)
def test_places_of_the_nonce(text: str, place: Location) -> None:
    assert parse_nonce_place(text) == place


@pytest.mark.parametrize("text", ["header:", "header:a b", "cookie:x", "query:", ""])
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="not a place for the nonce"):
        parse_nonce_place(text)


@pytest.mark.parametrize("text", ["no colon", ": v", "a b: v", "a: v\r\nb: c", "a: é"])
def test_headers_that_can_not_be_sent(text: str) -> None:
    with pytest.raises(UsageError, match="-H: "):
        parse_header(text)


@pytest.mark.parametrize(
    ("status", "witnessed", "kind"),
    [
        (200, True, "served"),
        (200, False, "no-witness"),
        (302, False, "no-witness"),
        (400, False, "refused"),
        (404, False, "refused"),
        (408, False, "service-error"),
        (429, False, "throttled"),
        (500, False, "function-error"),
        (502, False, "function-error"),
        (503, False, "throttled"),
        (504, False, "service-error"),
        (None, False, "lost"),
    ],
)
def test_outcomes(status: int | None, witnessed: bool, kind: str) -> None:
    target = HttpTarget(HttpRequestSpec(url="https://x.test/"))
    reply = Reply(status=status, body=b'{"message": "no\\u001b[31m"}', error_kind="read")
    outcome = target.outcome(reply, witnessed=witnessed, proxy_status=None)
    assert outcome.kind == kind
    assert "\x1b" not in (outcome.error_text or "")


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Forbidden", " Forbidden"),
        ("Missing required request parameters: [hunter2]", " Missing required request parameters"),
        (
            "The invoked function is not enabled with tenancy configuration. Bearer hunter2",
            " The invoked function is not enabled with tenancy configuration",
        ),
        ("'Bearer hunter2' not a valid key=value pair", ""),
        ("hunter2 Forbidden", ""),
        ("Forbidden: Bearer hunter2", " Forbidden"),
        (
            "User: hunter2 is not authorized to perform: lambda:InvokeFunction",
            " not allowed to lambda:InvokeFunction",
        ),
    ],
)
def test_of_a_service_s_message_known_words_are_kept_and_nothing_else(message: str, kept: str) -> None:
    """Any other text may quote the request, secrets included."""
    target = HttpTarget(HttpRequestSpec(url="https://x.test/"))
    reply = Reply(status=403, body=json.dumps({"message": message}).encode())
    outcome = target.outcome(reply, witnessed=False, proxy_status=None)
    assert outcome.error_text == f"HTTP 403{kept}"


KEPT = {
    "x-amzn-requestid": "0a1b2c3d-0000-4000-8000-0123456789ab",
    "x-cache": "Hit",
    "cf-cache-status": "HIT",
    "age": "17",
    "retry-after": "3",
    "x-amzn-errortype": "ThrottlingException",
    "x-amz-executed-version": "$LATEST",
}


def test_headers_are_kept_in_the_form_that_they_have() -> None:
    sent = KEPT | {"x-cache": "Hit from cloudfront", "x-amzn-errortype": "ThrottlingException:http://x"}
    assert kept_headers(Reply(status=200, headers=tuple(sent.items())), Secrets()) == KEPT


@pytest.mark.parametrize("value", ["Bearer hunter2-token", "hunter2-token", "", "x" * 5_000, "\x1b[31m", "-1", "1e9"])
def test_what_has_another_form_is_not_kept(value: str) -> None:
    """A form that a secret could have by itself is no help: it is known, and left out."""
    secrets = Secrets(["hunter2-token"])
    for name in (*KEPT_HEADERS, *CACHE_HEADERS):
        assert kept_headers(Reply(status=200, headers=((name, value),)), secrets) == {}, name
    assert media_type(Reply(status=200, headers=(("content-type", "text/hunter2-token"),)), secrets) is None


def test_a_header_is_not_sent_twice() -> None:
    with pytest.raises(UsageError, match="the header X-Tenant-ID is given a second time"):
        HttpTarget(HttpRequestSpec(url="https://x.test/", headers=(("X-Tenant-ID", "b"),)))
    row = TenantRow(id="a", expect="a", credentials=Credentials(headers=(("x-tenantcheck-nonce", "n"),)))
    with pytest.raises(UsageError, match="given a second time"):
        HttpTarget(HttpRequestSpec(url="https://x.test/")).with_rows([row])


def test_aws_credentials_need_a_signer() -> None:
    row = TenantRow(id="a", expect="a", credentials=Credentials(aws={"aws_profile": "p"}))
    with pytest.raises(UsageError, match="'a' has AWS credentials"):
        HttpTarget(HttpRequestSpec(url="https://x.test/")).with_rows([row])


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_where_a_body_ends_is_not_the_users_to_say(name: str) -> None:
    with pytest.raises(UsageError, match=f"the header {name} is given a second time"):
        prepared(headers=((name, "3"),))


def test_a_parameter_that_is_there_already() -> None:
    place = Location("query", "t")
    with pytest.raises(UsageError, match="the query has t a second time"):
        prepared(url="https://x.test/?t=a", tenant=place)
    with pytest.raises(UsageError, match="the query has t a second time"):
        prepared(url="https://x.test/?t=a", nonce=place)
    row = TenantRow(id="a", expect="a", credentials=Credentials(query=(("t", "x"),)))
    with pytest.raises(UsageError, match="the query has t a second time"):
        prepared(row, tenant=Location("query", "t"))


def test_a_url_is_sent_in_ascii() -> None:
    call = prepared(url="https://user@bücher.test:8443/é%20x/{tenant}?q=ü&r=%C3", tenant=Location("path"))
    assert call.url == "https://xn--bcher-kva.test:8443/%C3%A9%20x/ac%2Fme%20%2B?q=%C3%BC&r=%C3&key=hunter3"
    with pytest.raises(UsageError, match="host name"):
        prepared(url=f"https://{'ü' * 70}.test/")


def lengths(rows: list[TenantRow], **spec: Any) -> set[int]:
    """Sizes of ordinary requests of these tenants."""
    target = HttpTarget(HttpRequestSpec(**{"url": "https://x.test/p"} | spec))
    target = target.with_rows(rows)
    calls = [target.prepare(structs.replace(REQUEST, tenant=n)) for n in range(len(rows))]
    return {
        len(call.url) + len(call.body) + sum(len(f"{name}: {value}\r\n") for name, value in call.headers)
        for call in calls
    }


OTHER = TenantRow(
    id="a-much-longer-id",
    expect="globex",
    credentials=Credentials(headers=(("Authorization", "Bearer of-another-length"),), query=(("key", "k"),)),
)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"tenant": Location("query", "t")},
        {"url": "https://x.test/{tenant}/p", "tenant": Location("path")},
        {"nonce": Location("query", "n")},
        {"headers": (("Authorization", "Basic of-everybody"), ("x-key", "k"))},
        {"method": "POST", "data": b"{}", "nonce": Location("body", "n")},
    ],
    ids=["header", "query", "path", "nonce in the query", "replaced header", "body"],
)
def test_requests_of_all_tenants_are_equally_long(spec: dict[str, Any]) -> None:
    """A pool keyed by the size of requests would look isolated."""
    assert len(lengths([ACME, OTHER, TenantRow(id="x" * 256, expect="x")], **spec)) == 1


def test_ids_of_one_length_need_no_padding() -> None:
    target = HttpTarget(HttpRequestSpec(url="https://x.test/p"))
    target = target.with_rows([TenantRow(id=id_, expect=id_) for id_ in ("aa", "bb")])
    assert target.optional == ()
    assert not any("padding" in name for name, _ in target.prepare(REQUEST).headers)


def test_padding_can_be_left_out() -> None:
    target = HttpTarget(HttpRequestSpec(url="https://x.test/p"))
    target = target.with_rows([ACME, OTHER])
    assert target.optional == ("padding header",)
    target.leave_out(target.optional)
    assert not any("padding" in name for name, _ in target.prepare(REQUEST).headers)


def test_a_tenant_in_the_host_name() -> None:
    row = TenantRow(id="acme", expect="acme")
    target = HttpTarget(HttpRequestSpec(url="https://{tenant}.x.test:8443/p", tenant=Location("path")))
    target = target.with_rows([row])
    assert target.tenant_place == "host"
    assert target.prepare(REQUEST).url.startswith("https://acme.x.test:8443/p")


def test_other_names_of_the_tenant_are_those_that_are_not_taken() -> None:
    target = HttpTarget(HttpRequestSpec(url="https://x.test/p?tenant=x", headers=(("X-Org-Id", "1"),)))
    target = target.with_rows([TenantRow(id="a", expect="a")])
    assert not {"header:x-tenant-id", "header:x-org-id", "query:tenant"} & set(target.aliases)
    assert {"header:tenant-id", "query:tenant_id"} <= set(target.aliases)


@pytest.mark.parametrize(("alias", "name"), [("header", "x-org-id"), ("query", "org_id")])
def test_a_second_id_under_other_names(alias: Any, name: str) -> None:
    target = HttpTarget(HttpRequestSpec(url="https://x.test/p"))
    target = target.with_rows([TenantRow(id="a", expect="a"), TenantRow(id="b", expect="b")])
    call = target.prepare(structs.replace(REQUEST, sent=Sent(elsewhere="b", elsewhere_in=alias)))
    sent = dict(call.headers) if alias == "header" else query(call)
    assert (sent[name], dict(call.headers)["x-tenant-id"]) == ("b", "a")
    if alias == "header":
        assert json.loads(sent["x-amzn-lambda-context"]) == {"tenant_id": "b"}
