"""The exit codes: what a run of each kind of function ends with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import FAST, history, invoke, run, wave_sizes

Labs = Callable[..., Lab]
pytestmark = pytest.mark.usefixtures("in_tmp")


class TestExits:
    """What `probe` and `invoke` end with, by how the function behaves."""

    def test_probe_of_an_isolated_function(self, labs: Labs) -> None:
        result = run("probe", labs(**FAST).front_url)
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout.startswith("PASS (standard: reuse, pressure, newcomers, releases; not idle gaps)")
        assert (
            "plan standard: opening 4, half 4+4+6+6, surge 8+8, crowd 22, ordered 48, newcomers 10 x 2, crowd 22"
            in result.stderr
        )

    def test_probe_of_environments_that_are_never_reused(self, labs: Labs) -> None:
        lab = labs(reuse="never", hold_s=0.0)
        result = run("-q", "probe", lab.front_url, "--plan", "quick", "--tenants", "2")
        assert result.returncode == 3, result.stdout + result.stderr
        assert result.stdout.startswith("INCONCLUSIVE: no environment answered a second request")

    def test_probe_without_isolation(self, labs: Labs) -> None:
        result = run("-q", "probe", labs(isolation="none", **FAST).front_url)
        assert result.returncode == 10, result.stdout + result.stderr
        assert "breach: shared-environment" in result.stdout
        assert result.stderr == ""

    def test_invoke_of_an_isolated_function(self, labs: Labs) -> None:
        result = invoke(labs(**FAST), "--format", "json")
        report = json.loads(result.stdout)
        assert (result.returncode, report["verdict"]) == (0, "pass")
        assert report["subject"]["requests"] == 2 + sum(wave_sizes(history()))
        assert report["subject"]["versions"] == ["$LATEST"]
        assert report["tenants"][0]["cold_starts"] == report["tenants"][0]["environments"]

    def test_invoke_of_environments_that_are_never_reused(self, labs: Labs) -> None:
        result = invoke(labs(reuse="never", hold_s=0.0), "--plan", "quick", "--tenants", "2")
        assert result.returncode == 3, result.stdout + result.stderr

    def test_invoke_of_a_function_that_only_says_so(self, labs: Labs) -> None:
        result = invoke(labs(isolation="broken", **FAST), "--format", "json")
        report = json.loads(result.stdout)
        assert (result.returncode, report["findings"][0]["check"]) == (10, "shared-environment")

    def test_invoke_without_isolation(self, labs: Labs) -> None:
        result = invoke(labs(isolation="none", **FAST), "--format", "json")
        report = json.loads(result.stdout)
        assert (result.returncode, report["reasons"][0]) == (10, "not-isolated: 1 breach")
        assert (report["subject"]["requests"], report["subject"]["ended"]) == (2, "not-isolated")


def test_an_id_that_is_believed_whatever_the_credentials_is_found(labs: Labs) -> None:
    """The lab's front looks at no credentials: any token goes with any id."""
    tenants = "".join(f"[[tenant]]\nid='{id_}'\ncredentials={{bearer='token-{id_}'}}\n" for id_ in "abc")
    Path("t.toml").write_text(tenants)
    arguments = ("-q", "probe", labs(**FAST).front_url, "--tenants", "@t.toml", "--plan", "quick", "--format", "json")
    result = run(*arguments)
    findings = json.loads(result.stdout)["findings"]
    assert {(f["check"], f["severity"]) for f in findings} == {
        ("foreign-tenant-accepted", "breach"),
        ("forged-credentials-accepted", "breach"),
    }
    assert result.returncode == 10
    assert run(*arguments, "-X", "POST").returncode == 0


def test_which_of_two_headers_counts_is_said(labs: Labs) -> None:
    for faults, which in ((("last-header",), "second"), (("first-header",), "first")):
        result = run("-q", "probe", labs(faults=faults, **FAST).front_url, "--plan", "quick", "--format", "json")
        findings = json.loads(result.stdout)["findings"]
        assert result.returncode == 0
        assert {(f["check"], f["severity"], f["details"]["which"]) for f in findings} == {
            ("ambiguous-tenant", "weakness", which)
        }
