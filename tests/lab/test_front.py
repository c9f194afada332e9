"""The front: one header is mapped, the client's own X-Amz-Tenant-Id is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tenantcheck.lab import Lab

Labs = Callable[..., Lab]
NONCE = {"x-tenantcheck-nonce": "n"}
ECHO = str(Path(__file__).parent / "handlers" / "proxy.handler")


def get(lab: Lab, path: str = "", **options: object) -> httpx.Response:
    return httpx.get(lab.front_url + path, trust_env=False, **options)  # type: ignore[arg-type]


def test_the_mapped_header_is_the_tenant(labs: Labs) -> None:
    answer = get(labs(), headers={"x-tenant-id": "a", "X-Amz-Tenant-Id": "b", **NONCE}).json()
    assert answer["tenantId"] == "a"


@pytest.mark.parametrize("headers", [{}, {"X-Amz-Tenant-Id": "b"}])
def test_a_missing_tenant_is_lambdas_refusal(labs: Labs, headers: dict[str, str]) -> None:
    response = get(labs(), headers=headers)
    assert response.status_code == 400
    assert "Add a valid tenant ID" in response.json()["message"]


def test_without_isolation_nothing_is_mapped(labs: Labs) -> None:
    answer = get(labs(isolation="none"), headers={"x-tenant-id": "a", **NONCE}).json()
    assert answer["tenantId"] is None


def test_another_header_can_be_mapped(labs: Labs) -> None:
    answer = get(labs(tenant_header="x-customer"), headers={"x-customer": "c", **NONCE}).json()
    assert answer["tenantId"] == "c"


def test_the_event_is_a_rest_proxy_event_and_the_answer_is_unwrapped(labs: Labs) -> None:
    lab = labs(handler=ECHO)
    response = httpx.put(
        f"{lab.endpoint_url}/prod/a/b?x=1&x=2",
        headers={"x-tenant-id": "a"},
        content=b"\xff\x00",
        trust_env=False,
    )
    assert (response.status_code, response.headers["x-own"]) == (201, "yes")
    assert response.headers.get_list("x-many") == ["1", "2"]
    event = response.json()
    assert (event["httpMethod"], event["path"], event["requestContext"]["stage"]) == ("PUT", "/a/b", "prod")
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


@pytest.mark.parametrize("mode", ["raise", "nonsense", "object"])
def test_failures_are_502(labs: Labs, mode: str) -> None:
    response = get(labs(handler=ECHO), headers={"x-tenant-id": "a", "x-mode": mode})
    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})


def test_too_many_environments_are_429(labs: Labs) -> None:
    lab = labs(faults=("throttled:p=1",))
    assert get(lab, headers={"x-tenant-id": "b"}).status_code == 429
