"""A real front with real mistakes: nginx maps the tenant, and each mistake is caught by the check for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import run
from tests.nginx.front import nginx
from tests.nginx.process import installed

pytestmark = [
    pytest.mark.usefixtures("in_tmp"),
    pytest.mark.skipif(not installed(), reason="nginx is not installed: apt-get install nginx-light"),
]
Labs = Callable[..., Lab]


def report(lab: Lab, folder: Path, *options: str, path: str = "", **front: Any) -> dict[str, Any]:
    """The report on nginx in front of the lab."""
    with nginx(lab, folder, **front) as url:
        result = run("-q", "probe", url + path, "--plan", "quick", "--format", "json", *options)
    return {"exit": result.returncode, **json.loads(result.stdout)}


def checks(found: dict[str, Any], severity: str = "breach") -> set[str]:
    return {finding["check"] for finding in found["findings"] if finding["severity"] == severity}


def test_a_correct_mapping_passes(labs: Labs, tmp_path: Path) -> None:
    found = report(labs(), tmp_path)
    assert (found["exit"], checks(found)) == (0, set())


def test_a_cache_without_the_tenant_in_its_key_is_a_replay(labs: Labs, tmp_path: Path) -> None:
    found = report(labs(), tmp_path, cache_key="$request_uri")
    assert (found["exit"], "replayed-response" in checks(found)) == (10, True)


def test_such_a_cache_is_found_where_the_nonce_keeps_the_waves_out_of_it(labs: Labs, tmp_path: Path) -> None:
    found = report(labs(), tmp_path, "--nonce", "query:tenantcheckNonce", cache_key="$request_uri")
    assert (found["exit"], "replayed-response" in checks(found)) == (10, True)
    (replay, *_) = [finding for finding in found["findings"] if finding["check"] == "replayed-response"]
    for exhibit in replay["exhibits"]:
        assert "tenantcheckNonce" not in exhibit["repeat"]
        assert re.search(r"-H 'x-tenantcheck-nonce: tck1-[0-9a-f-]+'", exhibit["repeat"])


def test_the_tenant_in_the_path_passes(labs: Labs, tmp_path: Path) -> None:
    """Look-alikes in percent form, and with a space at the end, included."""
    found = report(labs(), tmp_path, "--plan", "standard", path="/{tenant}", tenant="$id")
    assert (found["exit"], checks(found)) == (0, set())


def test_a_cache_with_the_tenant_in_its_key_is_no_breach_and_no_evidence(labs: Labs, tmp_path: Path) -> None:
    """Within a tenant every answer is a replay: nothing leaks, and nothing is shown about environments."""
    found = report(labs(), tmp_path, cache_key="$http_x_tenant_id$request_uri")
    assert (found["exit"], checks(found)) == (3, set())
    assert any("replays within one tenant" in remark for remark in found["remarks"])


def test_such_a_cache_passes_where_the_nonce_in_the_url_gives_the_waves_answers_of_their_own(
    labs: Labs, tmp_path: Path
) -> None:
    key = "$http_x_tenant_id$request_uri"
    found = report(labs(), tmp_path, "--nonce", "query:tenantcheckNonce", cache_key=key)
    assert (found["exit"], checks(found)) == (0, set())
    assert any("replays within one tenant" in remark for remark in found["remarks"])


def test_a_constant_tenant(labs: Labs, tmp_path: Path) -> None:
    found = report(labs(), tmp_path, tenant="everyone")
    assert (found["exit"], "wrong-tenant" in checks(found)) == (10, True)


def test_the_clients_own_header_preferred(labs: Labs, tmp_path: Path) -> None:
    mapping = 'map $http_x_amz_tenant_id $tenant { "" $http_x_tenant_id; default $http_x_amz_tenant_id; }'
    found = report(labs(), tmp_path, tenant="$tenant", mapping=mapping)
    assert (found["exit"], checks(found)) == (10, {"reserved-header-honoured"})


def test_a_default_for_a_missing_tenant(labs: Labs, tmp_path: Path) -> None:
    mapping = 'map $http_x_tenant_id $tenant { "" nobody; default $http_x_tenant_id; }'
    found = report(labs(), tmp_path, tenant="$tenant", mapping=mapping)
    assert (found["exit"], checks(found)) == (10, {"missing-tenant-accepted"})
