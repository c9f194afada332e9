"""Every rule finds its mistake, at its line and column, and nothing in what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import tenantcheck
from tenantcheck.config.rules import RULES
from tenantcheck.model import Configured, Verdict
from tests.config.templates import GOOD, MISTAKES, Mistake, place, planted

EXAMPLES = Path(__file__).parents[2] / "examples"


def lint(folder: Path, text: str, name: str = "template.yaml", **options: object) -> Verdict:
    file = folder / name
    file.write_text(text)
    return tenantcheck.lint(file, expect=["Orders"], tenant_count=100, **options)  # type: ignore[arg-type]


def rules(verdict: Verdict) -> set[str]:
    return {finding.check for finding in verdict.findings}


def first(verdict: Verdict, rule: str) -> Configured:
    exhibit = next(finding for finding in verdict.findings if finding.check == rule).exhibits[0]
    assert isinstance(exhibit, Configured)
    return exhibit


def test_nothing_is_found_in_what_is_right(tmp_path: Path) -> None:
    verdict = lint(tmp_path, GOOD)
    assert verdict.outcome == "pass", (verdict.reasons, verdict.findings)
    assert not verdict.findings


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: f"{each.rule}-{each.at}")
def test_every_mistake_is_found_where_it_stands(mistake: Mistake, tmp_path: Path) -> None:
    text = planted(mistake)
    verdict = lint(tmp_path, text)
    assert rules(verdict) == {mistake.rule} | mistake.others
    assert {each.severity for each in verdict.findings if each.check == mistake.rule} == {mistake.severity}
    exhibit = first(verdict, mistake.rule)
    assert (exhibit.line, exhibit.column) == place(text, mistake.at)
    assert exhibit.remedies


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: f"{each.rule}-{each.at}")
def test_the_same_is_found_in_json(mistake: Mistake, tmp_path: Path) -> None:
    """CDK writes JSON with the long forms."""
    text = json.dumps(_long_forms(planted(mistake)), indent=1)
    verdict = lint(tmp_path, text, "App.template.json")
    assert rules(verdict) == {mistake.rule} | mistake.others
    line = text.splitlines()[(first(verdict, mistake.rule).line or 0) - 1]
    assert mistake.at.rstrip(":") in line


def _long_forms(text: str) -> object:
    class Loader(yaml.SafeLoader):
        pass

    def construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
        assert isinstance(node, yaml.ScalarNode)
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            return {"Fn::GetAtt": value.split(".", 1)}
        return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", construct)
    return yaml.load(text, Loader)


def test_every_rule_has_a_mistake() -> None:
    assert {mistake.rule for mistake in MISTAKES} == {rule.id for rule in RULES}


def test_the_examples_are_clean_but_for_the_one_that_says_so() -> None:
    verdict = tenantcheck.lint(EXAMPLES / "sam-authorizer" / "template.yaml")
    assert (verdict.outcome, rules(verdict)) == ("pass", set())
    verdict = tenantcheck.lint(EXAMPLES / "sam" / "template.yaml")
    assert (verdict.outcome, rules(verdict)) == ("pass", {"mapping-from-client"})
    assert all(finding.accepted for finding in verdict.findings)


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (("LogFormat: JSON", "LogFormat: !Ref Format"), "text-log-format"),
        (("TenantIsolationMode: PER_TENANT", "TenantIsolationMode: !ImportValue Mode"), "tenancy-disabled"),
        (("CachingEnabled: true", "CachingEnabled: !Ref Caching"), "tenant-not-in-cache-key"),
        (("X-Amz-Tenant-Id: context.authorizer.tenantId", "X-Amz-Tenant-Id: !Ref Source"), "mapping-literal"),
    ],
)
def test_what_is_not_known_is_never_clean(edit: tuple[str, str], rule: str, tmp_path: Path) -> None:
    names = "".join(f"  {name}: {{Type: String}}\n" for name in ("Format", "Caching", "Source"))
    text = "Parameters:\n" + names + GOOD.replace(*edit)
    verdict = lint(tmp_path, text)
    assert verdict.outcome == "inconclusive"
    result = next(result for result in verdict.results if result.id == rule)
    assert (result.status, result.opportunities) == ("not-exercised", 0)


def test_parameters_conditions_and_maps_are_worked_out(tmp_path: Path) -> None:
    text = (
        "Parameters:\n  Format: {Type: String, Default: Text}\n  Live: {Type: String, Default: 'no'}\n"
        "Conditions:\n  IsLive: !Equals [!Ref Live, 'yes']\n"
        "Mappings:\n  Levels:\n    low: {level: WARN}\n"
        + GOOD.replace("LogFormat: JSON", "LogFormat: !If [IsLive, JSON, !Ref Format]").replace(
            "SystemLogLevel: INFO", "SystemLogLevel: !FindInMap [Levels, low, level]"
        )
    )
    verdict = lint(tmp_path, text)
    assert rules(verdict) == {"text-log-format", "log-level-drops-start"}
    assert any("defaults of Format, Live" in remark for remark in verdict.remarks)
    verdict = lint(tmp_path, text, parameters={"Live": "yes"})
    assert rules(verdict) == {"log-level-drops-start"}


def test_globals_count(tmp_path: Path) -> None:
    text = GOOD.replace("      TenancyConfig:\n        TenantIsolationMode: PER_TENANT\n", "")
    text = text.replace(
        "Resources:\n", "Globals:\n  Function:\n    TenancyConfig: {TenantIsolationMode: PER_TENANT}\nResources:\n", 1
    )
    assert lint(tmp_path, text).outcome == "pass"


def test_a_cache_of_another_method_does_not_count(tmp_path: Path) -> None:
    text = GOOD.replace("        CacheKeyParameters: [method.request.header.Authorization]\n", "")
    verdict = lint(tmp_path, text.replace("ResourcePath: /*", "ResourcePath: /other"))
    assert verdict.outcome == "pass"
    verdict = lint(tmp_path, text.replace("ResourcePath: /*", "ResourcePath: /orders"))
    assert verdict.outcome == "fail"


def test_no_function_in_isolation_is_no_pass(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text("Resources:\n  Topic: {Type: AWS::SNS::Topic}\n")
    assert tenantcheck.lint(file).outcome == "inconclusive"


def test_an_acceptance_has_a_reason_and_an_end(tmp_path: Path) -> None:
    text = planted(next(each for each in MISTAKES if each.rule == "mapping-literal"))
    accepted = (
        "    Metadata:\n      tenantcheck:\n        accepted:\n"
        "          - {rule: mapping-literal, reason: one tenant on purpose, until: %s}\n    Type: "
        "AWS::ApiGateway::Method\n"
    )
    for until, outcome in (("2999-01-01", "pass"), ("2020-01-01", "fail"), ("never", "fail")):
        verdict = lint(tmp_path, text.replace("    Type: AWS::ApiGateway::Method\n", accepted % until))
        assert verdict.outcome == outcome, until
