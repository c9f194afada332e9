"""Live settings, through an unmodified boto3: what is read, kept, denied and found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import tenantcheck
from tenantcheck.config.sources.live import ACTIONS
from tenantcheck.errors import TargetError, UsageError
from tenantcheck.model import Verdict
from tests.config.control_plane import World, configuration, policy, served, snapshot

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "y"), ("AWS_REGION", "eu-west-1")):
        monkeypatch.setenv(name, value)


def inspect(world: World, *names: str, **options: object) -> Verdict:
    with served(world) as url:
        return tenantcheck.inspect(*(names or (world.name,)), endpoint_url=url, **options)  # type: ignore[arg-type]


def found(verdict: Verdict) -> dict[str, str]:
    return {finding.check: finding.severity for finding in verdict.findings}


def test_nothing_is_found_in_what_is_right() -> None:
    verdict = inspect(World())
    assert (verdict.outcome, found(verdict)) == ("pass", {}), verdict.reasons


def _no_tenancy(world: World) -> None:
    del world.configurations["orders"]["TenancyConfig"]


def _no_key(world: World) -> None:
    del world.api["resources"][1]["resourceMethods"]["GET"]["methodIntegration"]["cacheKeyParameters"]


def _from_client(world: World) -> None:
    method = world.api["resources"][1]["resourceMethods"]["GET"]
    mapped = method["methodIntegration"]["requestParameters"]
    mapped["integration.request.header.X-Amz-Tenant-Id"] = "method.request.header.x-tenant-id"
    method["methodIntegration"]["cacheKeyParameters"] = ["method.request.header.x-tenant-id"]
    method["authorizationType"] = "NONE"
    del method["authorizerId"]


def _any_account(world: World) -> None:
    world.policy = policy({"AWS": "arn:aws:iam::210987654321:root"})


def _url(world: World) -> None:
    world.urls = [{"FunctionUrl": "https://x.lambda-url.eu-west-1.on.aws/", "FunctionArn": "a"}]


def _masked(world: World) -> None:
    world.group["dataProtectionStatus"] = "ACTIVATED"


def _text(world: World) -> None:
    world.configurations["orders"]["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": "/aws/lambda/orders"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_no_tenancy, {"tenancy-disabled": "breach"}),
        (_no_key, {"tenant-not-in-cache-key": "breach"}),
        (_from_client, {"mapping-from-client": "breach", "header-not-required": "weakness"}),
        (_any_account, {"invoke-permission-names-any-tenant": "weakness"}),
        (_url, {"function-url": "open"}),
        (_masked, {"log-masking-hides-tenant": "weakness"}),
        (_text, {"text-log-format": "weakness"}),
    ],
)
def test_mistakes_are_found(change: Callable[[World], None], expected: dict[str, str]) -> None:
    world = World()
    change(world)
    verdict = inspect(world)
    assert found(verdict) == expected


@pytest.mark.parametrize("action", sorted({action for action, rules in ACTIONS.items() if rules}))
def test_what_is_denied_is_not_exercised_and_says_so(action: str) -> None:
    world = World()
    world.denied = {action}
    verdict = inspect(world)
    assert verdict.outcome == "inconclusive"
    assert any(f"{action} was refused" in reason for reason in verdict.reasons)
    for result in verdict.results:
        if result.id in ACTIONS[action]:
            assert (result.status, result.opportunities) == ("not-exercised", 0)


def test_a_function_that_can_not_be_read_is_an_error() -> None:
    world = World()
    world.denied = {"lambda:GetFunctionConfiguration"}
    with pytest.raises(TargetError, match="is denied"):
        inspect(world)
    with pytest.raises(TargetError, match="no such function"):
        inspect(World(), "other")


def test_every_function_is_read_page_by_page() -> None:
    world = World()
    world.page = 2
    for number in range(5):
        world.configurations[f"f{number}"] = configuration(f"f{number}")
    verdict = _every(world)
    assert verdict.evidence.functions == 6  # type: ignore[union-attr]
    assert world.asked.count("lambda:ListFunctions") == 3
    assert "6 of 6 functions are in tenant isolation mode" in verdict.remarks
    assert "orders: isolated, JSON logs, methods of REST APIs that call it: 1" in verdict.remarks


def _every(world: World) -> Verdict:
    with served(world) as url:
        return tenantcheck.inspect(every=True, endpoint_url=url)


def test_a_snapshot_is_judged_again_and_holds_no_secret(tmp_path: Path) -> None:
    world = World()
    _no_key(world)
    file = tmp_path / "orders.json"
    verdict = inspect(world, snapshot=file, price_per_gb=0.000167)
    assert "hunter2" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    again = tenantcheck.inspect(file)
    assert (again.outcome, found(again), again.findings) == (verdict.outcome, found(verdict), verdict.findings)
    assert any("0.000042 for each environment (256 MB)" in remark for remark in verdict.remarks)


def test_the_snapshot_of_tests_is_what_inspect_keeps(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    inspect(World(), snapshot=file)
    kept, made = json.loads(file.read_text()), snapshot("orders")
    made["apis"][0]["resources"] = made["apis"][0]["resources"][1:]
    assert kept == made


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"format": "tenantcheck-configuration", "version": 1}', "cut", "types"]
)
def test_a_damaged_snapshot_is_an_error(damage: str, tmp_path: Path) -> None:
    told = snapshot("orders")
    if damage == "cut":
        del told["functions"][0]["configuration"]["FunctionName"]
    if damage == "types":
        told["apis"] = [1]
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(told) if damage in ("cut", "types") else damage)
    with pytest.raises(UsageError):
        tenantcheck.inspect(file)


def test_the_policy_allows_what_is_asked_for() -> None:
    statements = json.loads((ROOT / "examples" / "iam" / "inspect.json").read_text())["Statement"]
    allowed = set()
    for statement in statements:
        actions = statement["Action"]
        allowed |= set(actions if isinstance(actions, list) else [actions])
    assert allowed == set(ACTIONS)
