"""Plans of Terraform: the same rules find the same mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import tenantcheck
from tenantcheck.model import Configured, Verdict
from tests.config.plans import Plan, add, expressions, good, in_module, values

FUNCTION = "aws_lambda_function.orders"
METHOD = "aws_api_gateway_method.get"
INTEGRATION = "aws_api_gateway_integration.get"
MAPPED = "integration.request.header.X-Amz-Tenant-Id"


def lint(folder: Path, plan: Plan) -> Verdict:
    file = folder / "plan.json"
    file.write_text(json.dumps(plan, indent=1))
    return tenantcheck.lint(file, tenant_count=100)


def _disabled(plan: Plan) -> None:
    values(plan, FUNCTION)["tenancy_config"] = []


def _url(plan: Plan) -> None:
    add(plan, "aws_lambda_function_url.u", {}, function_name=f"{FUNCTION}.function_name")


def _snapstart(plan: Plan) -> None:
    values(plan, FUNCTION)["snap_start"] = [{"apply_on": "PublishedVersions"}]


def _provisioned(plan: Plan) -> None:
    kind = "aws_lambda_provisioned_concurrency_config.p"
    add(plan, kind, {"provisioned_concurrent_executions": 2}, function_name=f"{FUNCTION}.function_name")


def _queue(plan: Plan) -> None:
    add(plan, "aws_lambda_event_source_mapping.q", {"event_source_arn": "arn:q"}, function_name=f"{FUNCTION}.arn")


def _http(plan: Plan) -> None:
    add(plan, "aws_apigatewayv2_integration.h", {}, integration_uri=f"{FUNCTION}.invoke_arn")


def _missing(plan: Plan) -> None:
    values(plan, INTEGRATION)["request_parameters"] = {}


def _literal(plan: Plan) -> None:
    values(plan, INTEGRATION)["request_parameters"] = {MAPPED: "'acme'"}


def _client(plan: Plan) -> None:
    values(plan, INTEGRATION)["request_parameters"] = {MAPPED: "method.request.header.x-tenant-id"}
    values(plan, INTEGRATION)["cache_key_parameters"] = ["method.request.header.x-tenant-id"]
    values(plan, METHOD)["authorization"] = "NONE"
    del expressions(plan, METHOD)["authorizer_id"]


def _cache(plan: Plan) -> None:
    values(plan, INTEGRATION)["cache_key_parameters"] = []


def _files(plan: Plan) -> None:
    values(plan, FUNCTION)["file_system_config"] = [{"arn": "a", "local_mount_path": "/mnt/x"}]


def _text(plan: Plan) -> None:
    values(plan, FUNCTION)["logging_config"] = [{"log_format": "Text"}]


def _reserved(plan: Plan) -> None:
    values(plan, FUNCTION)["reserved_concurrent_executions"] = 10


def _policy(plan: Plan) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}]}
    add(plan, "aws_iam_role_policy.p", {"policy": json.dumps(document)}, role="aws_iam_role.r.id")
    add(plan, "aws_iam_role.r", {"name": "r"})


MISTAKES: dict[Callable[[Plan], None], set[str]] = {
    _disabled: {"tenancy-disabled"},
    _url: {"function-url"},
    _snapstart: {"snapstart"},
    _provisioned: {"provisioned-concurrency"},
    _queue: {"event-source-mapping"},
    _http: {"http-api"},
    _missing: {"mapping-missing"},
    _literal: {"mapping-literal"},
    _client: {"mapping-from-client", "header-not-required"},
    _cache: {"tenant-not-in-cache-key"},
    _files: {"shared-file-system"},
    _text: {"text-log-format"},
    _reserved: {"environment-ceiling"},
    _policy: {"shared-role-without-tenant-scope"},
}
#: A fixed name of a function, which every plan has.
ALWAYS = {"replaces-function"}


def found(verdict: Verdict) -> set[str]:
    return {finding.check for finding in verdict.findings} - ALWAYS


def test_nothing_is_found_in_what_is_right(tmp_path: Path) -> None:
    verdict = lint(tmp_path, good())
    assert (verdict.outcome, found(verdict)) == ("pass", set()), verdict.reasons


@pytest.mark.parametrize("wrapped", [False, True], ids=["root", "module"])
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.__name__[1:])
def test_every_mistake_is_found(mistake: Callable[[Plan], None], wrapped: bool, tmp_path: Path) -> None:
    plan = good()
    mistake(plan)
    verdict = lint(tmp_path, in_module(plan) if wrapped else plan)
    assert found(verdict) == MISTAKES[mistake]
    text = (tmp_path / "plan.json").read_text().splitlines()
    for finding in verdict.findings:
        exhibit = finding.exhibits[0]
        assert isinstance(exhibit, Configured)
        assert exhibit.line
        assert text[exhibit.line - 1].strip()


def test_a_change_that_replaces_a_function_is_named(tmp_path: Path) -> None:
    plan = good()
    change = plan["resource_changes"][0]["change"]
    change["actions"], change["replace_paths"] = ["delete", "create"], [["tenancy_config"]]
    verdict = lint(tmp_path, plan)
    finding = next(each for each in verdict.findings if each.check == "replaces-function")
    assert finding.says == "This change replaces {function}."


def test_what_is_known_after_apply_is_never_clean(tmp_path: Path) -> None:
    plan = good()
    values(plan, INTEGRATION).pop("request_parameters")
    plan["resource_changes"][5]["change"]["after_unknown"] = {"request_parameters": True}
    verdict = lint(tmp_path, plan)
    assert verdict.outcome == "inconclusive"
    assert any("known after apply" in reason for reason in verdict.reasons)
