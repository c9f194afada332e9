"""Files that mean harm: bounded, a clear error or a verdict, never a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import tenantcheck
from tenantcheck.config.tree import MAX_BYTES
from tenantcheck.errors import UsageError
from tests.config.templates import GOOD

_HEAD = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n"


def lint(folder: Path, content: bytes) -> str:
    file = folder / "t.yaml"
    file.write_bytes(content)
    return tenantcheck.lint(file).outcome


def test_an_alias_bomb_is_one_value(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    text = "\n".join(lines) + "\n" + GOOD.replace("      CodeUri: .\n", "      CodeUri: .\n      Tags: {x: *a59}\n")
    assert lint(tmp_path, text.encode()) == "pass"


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 5_000,
        b"{a: " * 5_000,
        b"x: \x00",
        b"\xff\xfe\x00\x01",
        b"a: b: c",
        b"&a *a",
        b"x" * (MAX_BYTES + 2),
        b"[" + b"1," * 500_000 + b"1]",
        b"",
        b"- 1",
    ],
    ids=["deep", "deep-maps", "nul", "no-text", "no-yaml", "alias-of-itself", "large", "many", "empty", "list"],
)
def test_what_is_no_template_is_a_clear_error(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"t\.yaml"):
        lint(tmp_path, content)


@pytest.mark.parametrize(
    "properties",
    [
        "      TenancyConfig: &a {TenantIsolationMode: *a}\n",
        "      TenancyConfig: !If [A, !If [A, !If [A, 1, 2], 2], 2]\n",
        "      TenancyConfig: !Sub '${F.${F}}'\n",
        "      TenancyConfig: [PER_TENANT]\n",
        "      TenancyConfig: PER_TENANT\n",
        "      Events: [1]\n      Policies: {a: [b]}\n",
        "      LoggingConfig: !Ref LoggingConfig\n",
        "      TenancyConfig: {TenantIsolationMode: PER_TENANT}\n      TenancyConfig: {TenantIsolationMode: X}\n",
    ],
)
def test_odd_values_never_pass(properties: str, tmp_path: Path) -> None:
    assert lint(tmp_path, (_HEAD + properties).encode()) != "pass"


def test_parameters_that_name_each_other_end(tmp_path: Path) -> None:
    text = (
        "Parameters:\n  A: {Type: String, Default: !Ref B}\n  B: {Type: String, Default: !Ref A}\n"
        "Conditions:\n  C: !Condition D\n  D: !Condition C\n"
        + _HEAD
        + "      TenancyConfig: !If [C, !Ref A, !Ref B]\n"
    )
    assert lint(tmp_path, text.encode()) == "inconclusive"


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "PER_TENANT",
            "AWS::Lambda::Function",
            "AWS::ApiGateway::Method",
            "AWS::ApiGateway::Stage",
            "Ref",
            "${F.Arn}",
        ]
    )
)
_KEYS = st.text(max_size=4) | st.sampled_from(
    [
        "Type",
        "Properties",
        "TenancyConfig",
        "TenantIsolationMode",
        "Ref",
        "Fn::Sub",
        "Fn::If",
        "Fn::Join",
        "Fn::Select",
        "Integration",
        "Uri",
        "Events",
        "RequestParameters",
        "MethodSettings",
        "Policies",
        "RestApiId",
        "LoggingConfig",
        "Metadata",
        "tenantcheck",
        "accepted",
        "Body",
        "paths",
    ]
)
_TREES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=24
)
_TYPES = st.sampled_from(
    [
        "AWS::Lambda::Function",
        "AWS::Serverless::Function",
        "AWS::Serverless::Api",
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::Authorizer",
        "AWS::Lambda::Permission",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
        "AWS::Logs::Transformer",
        "AWS::ApiGateway::Deployment",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.text("FGR", min_size=1, max_size=2), st.tuples(_TYPES, _TREES), min_size=1, max_size=4), _TREES
)
def test_no_tree_crashes_a_rule(resources: dict[str, tuple[str, object]], rest: object) -> None:
    import tempfile

    document = {
        "Resources": {name: {"Type": kind, "Properties": tree} for name, (kind, tree) in resources.items()},
        "Parameters": rest,
        "Conditions": rest,
        "Globals": {"Function": rest},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "t.yaml")
        file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8", errors="replace")
        try:
            verdict = tenantcheck.lint(file)
        except UsageError:
            return
    assert all(result.status != "crashed" for result in verdict.results)
