"""`--inspect`: a run and the configuration of what ran, in one verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import run_in
from tests.config.control_plane import World, served

KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "eu-west-1"}


def probe(world: World, folder: Path) -> tuple[int, dict[str, object], str]:
    with Lab(hold_s=0.02) as lab, served(world) as url:
        words = ["-q", "probe", lab.front_url, "--inspect", "orders", "--endpoint-url", url, "--format", "json"]
        ran = run_in(folder, *words, **KEYS)
    return ran.returncode, json.loads(ran.stdout), ran.stderr


@pytest.mark.lab
def test_the_worse_of_both_counts(tmp_path: Path) -> None:
    world = World()
    world.configurations["orders"]["CodeSha256"] = "abc="
    code, told, _ = probe(world, tmp_path)
    assert code == 0, told["reasons"]
    ids = {check["id"] for check in told["checks"]}  # type: ignore[attr-defined]
    assert {"shared-environment", "tenant-not-in-cache-key"} <= ids
    assert "orders: CodeSha256 abc=" in told["remarks"]  # type: ignore[operator]
    method = world.api["resources"][1]["resourceMethods"]["GET"]
    del method["methodIntegration"]["cacheKeyParameters"]
    code, told, _ = probe(world, tmp_path)
    assert code == 10
    assert [each["check"] for each in told["findings"]] == ["tenant-not-in-cache-key"]  # type: ignore[attr-defined]


@pytest.mark.lab
def test_what_can_not_be_read_is_a_doubt_and_the_run_is_kept(tmp_path: Path) -> None:
    world = World()
    world.denied = {"lambda:GetFunctionConfiguration"}
    code, told, _ = probe(world, tmp_path)
    assert code == 3
    assert any("the configuration could not be read" in reason for reason in told["reasons"])  # type: ignore[attr-defined]
    assert told["evidence"]["type"] == "randomised"  # type: ignore[index]
    world = World()
    del world.configurations["orders"]["TenancyConfig"]
    assert probe(world, tmp_path)[0] == 10
