"""Templates, plans and snapshots that passed, or failed, wrongly once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tenantcheck
from tenantcheck.errors import UsageError
from tenantcheck.model import Verdict
from tests.config.control_plane import snapshot
from tests.config.plans import Plan, add, expressions, good, values
from tests.config.templates import GOOD
from tests.config.test_forms import OPEN_API, edited, found, lint

NO_KEY = ("        CacheKeyParameters: [method.request.header.Authorization]\n", "")
CLIENT = ("context.authorizer.tenantId", "method.request.header.x-tenant-id")
KEYED = ("[method.request.header.Authorization]", "[method.request.header.x-tenant-id]")
PROPERTIES = "      Handler: app.handler\n"
PARAMETERS = "Parameters: {K: {Type: String}, V: {Type: String}}\n"


def changed(*edits: tuple[str, str], more: str = "") -> str:
    return PARAMETERS + edited(*edits, text=GOOD) + more


CONDITION = "Conditions: {Prod: !Equals [!Ref AWS::AccountId, '1']}\n"
UNKNOWN = {
    "condition-on-account": CONDITION
    + changed(NO_KEY, ("CacheClusterEnabled: true", "CacheClusterEnabled: !If [Prod, true, false]")),
    "cluster-from-ssm": changed(
        NO_KEY, ("CacheClusterEnabled: true", "CacheClusterEnabled: '{{resolve:ssm:/cache}}'")
    ),
    "caching-from-a-resource": changed(NO_KEY, ("CachingEnabled: true", "CachingEnabled: !GetAtt Flags.Cache")),
    "mode-from-ssm": changed(("PER_TENANT", "'{{resolve:ssm:/mode}}'")),
    "mode-by-condition": changed(
        (
            "      TenancyConfig:\n        TenantIsolationMode: PER_TENANT\n",
            "      TenancyConfig: !If [C, {TenantIsolationMode: PER_TENANT}, !Ref AWS::NoValue]\n",
        )
    ),
    "authorizer-elsewhere": changed(
        CLIENT, KEYED, ("AuthorizerId: !Ref Authorizer", "AuthorizerId: !ImportValue Authorizer")
    ),
    "kind-of-authorizer": changed(CLIENT, KEYED, ("Type: TOKEN", "Type: !ImportValue K")),
    "second-function": changed(
        more="  Other:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        "      TenancyConfig: {TenantIsolationMode: !ImportValue Mode}\n"
    ),
    "events-by-condition": changed(
        (PROPERTIES, PROPERTIES + "      Events: !If [C, {A: {Type: HttpApi}}, !Ref AWS::NoValue]\n")
    ),
    "include-in-properties": changed((PROPERTIES, PROPERTIES + "      Fn::Transform: {Name: AWS::Include}\n")),
    "integration-by-condition": changed(
        more="  Post:\n    Type: AWS::ApiGateway::Method\n    Properties:\n      RestApiId: !Ref Api\n"
        "      HttpMethod: POST\n      Integration: !If [C, {Type: MOCK}, {Type: AWS_PROXY}]\n"
    ),
    "function-of-a-variable": changed(("functions/${Orders.Arn}/", "functions/arn:aws:lambda:a:1:function:x/")),
    "stage-of-an-unknown-api": changed(
        NO_KEY, ("      RestApiId: !Ref Api\n      DeploymentId", "      RestApiId: !Ref K\n      DeploymentId")
    ),
    "function-of-a-stage": changed(
        more="  Put:\n    Type: AWS::ApiGateway::Method\n    Properties:\n      RestApiId: !Ref Api\n"
        "      HttpMethod: PUT\n"
        "      Integration: {Type: AWS_PROXY, Uri: !Sub 'arn:x:function:${!stageVariables.f}/y'}\n"
    ),
    "application": changed(more="  App:\n    Type: AWS::Serverless::Application\n    Properties: {}\n"),
    "module": changed(more="  M:\n    Type: My::Own::Thing::MODULE\n"),
    "paths-included": edited(
        ("        paths:\n", "        x-other:\n          - 1\n        paths:\n          Fn::Transform: {}\n")
    ),
    "path-elsewhere": edited(("          /orders:\n", "          /more: {$ref: '#/x'}\n          /orders:\n")),
    "body-as-text": OPEN_API.partition("      DefinitionBody:")[0] + "      DefinitionBody: '{}'\n",
    "security-is-optional": edited(CLIENT, KEYED, ("[{who: []}]", "[{who: []}, {}]")),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_can_not_be_told_is_inconclusive(name: str, tmp_path: Path) -> None:
    verdict = lint(UNKNOWN[name], tmp_path)
    assert verdict.outcome == "inconclusive", (verdict.reasons, found(verdict))


ALIAS = "  Live:\n    Type: AWS::Lambda::Alias\n    Properties: {FunctionName: !Ref Plain, Name: live}\n"
PLAIN = "  Plain:\n    Type: AWS::Serverless::Function\n    Properties: {FunctionName: !Sub '${AWS::StackName}-x'}\n"
FOUND = {
    "alias-of-another": (
        changed(("functions/${Orders.Arn}/", "functions/${Live}/"), more=PLAIN + ALIAS),
        "tenancy-disabled",
    ),
    "name-of-another": (
        changed(
            ("functions/${Orders.Arn}/", "functions/arn:aws:lambda:a:1:function:${AWS::StackName}-x/"), more=PLAIN
        ),
        "tenancy-disabled",
    ),
    "events-by-alias": (
        changed(
            more=ALIAS.replace("Plain", "Orders")
            + "  E:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: {FunctionName: !Ref Live}\n"
        ),
        "event-source-mapping",
    ),
    "any-verb": (
        changed(
            NO_KEY,
            ("HttpMethod: GET", "HttpMethod: ANY"),
            (
                "          CachingEnabled: true\n",
                "          CachingEnabled: true\n"
                "        - {ResourcePath: /*, HttpMethod: POST, CachingEnabled: false}\n",
            ),
        ),
        "tenant-not-in-cache-key",
    ),
    "unknown-path": (
        changed(
            NO_KEY,
            ("ResourceId: !Ref Folder", "ResourceId: !ImportValue F"),
            (
                "          CachingEnabled: true\n",
                "          CachingEnabled: true\n"
                "        - {ResourcePath: /health, HttpMethod: GET, CachingEnabled: false}\n",
            ),
        ),
        "tenant-not-in-cache-key",
    ),
    "part-of-the-identity": (
        changed(
            ("Type: TOKEN", "Type: REQUEST"),
            (
                "IdentitySource: method.request.header.Authorization",
                "IdentitySource: 'method.request.header.Authorization, method.request.querystring.lang'",
            ),
            (
                "CacheKeyParameters: [method.request.header.Authorization]",
                "CacheKeyParameters: [method.request.querystring.lang]",
            ),
        ),
        "tenant-not-in-cache-key",
    ),
    "user-agent": (
        changed(
            ("context.authorizer.tenantId", "context.identity.userAgent"),
            ("      AuthorizationType: CUSTOM\n      AuthorizerId: !Ref Authorizer\n", ""),
            NO_KEY,
            ("CacheClusterEnabled: true", "CacheClusterEnabled: false"),
        ),
        "mapping-from-client",
    ),
    "deployment": (changed(("context.authorizer.tenantId", "context.deploymentId")), "mapping-literal"),
    "authorizer-says-nothing": (
        changed(
            (
                "      AuthorizationType: CUSTOM\n      AuthorizerId: !Ref Authorizer\n",
                "      AuthorizationType: NONE\n",
            ),
            ("CacheClusterEnabled: true", "CacheClusterEnabled: false"),
        ),
        "mapping-missing",
    ),
    "http-target": (
        changed(more="  H:\n    Type: AWS::ApiGatewayV2::Api\n    Properties: {Target: !GetAtt Orders.Arn}\n"),
        "http-api",
    ),
    "scaled": (
        changed(
            more="  S:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n    Properties:\n"
            "      ServiceNamespace: lambda\n      ResourceId: !Sub function:${Orders}:live\n"
        ),
        "provisioned-concurrency",
    ),
    "qualified-name": (
        changed(
            (PROPERTIES, PROPERTIES + "      FunctionName: orders\n"),
            more="  E:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: {FunctionName: 'orders:live'}\n",
        ),
        "event-source-mapping",
    ),
    "any-api": (
        edited((":${AWS::AccountId}:${Api}/*", ":${AWS::AccountId}:*"), text=GOOD),
        "invoke-permission-names-any-tenant",
    ),
    "issuer": (changed(("context.authorizer.tenantId", "context.authorizer.claims.iss")), "mapping-literal"),
    "misspelt": (
        changed(more="  X:\n    Type: AWS::Lambda::Function\n    Properties: {TenantIsolation: PER_TENANT}\n"),
        "tenancy-misplaced",
    ),
    "administrator": (
        changed((PROPERTIES, PROPERTIES + "      Policies: [AdministratorAccess]\n")),
        "shared-role-without-tenant-scope",
    ),
    "tls-is-no-tenant": (
        changed(
            (
                PROPERTIES,
                PROPERTIES
                + "      Policies:\n        - Statement: {Effect: Allow, Action: 'dynamodb:*', Resource: '*', "
                + "Condition: {Bool: {aws:SecureTransport: 'true'}}}\n",
            )
        ),
        "shared-role-without-tenant-scope",
    ),
    "transformer-of-a-group-by-name": (
        edited(("      LogGroupName: !Sub /aws/lambda/${Orders}\n", "      LogGroupName: other\n"), text=GOOD)
        + "  T:\n"
        "    Type: AWS::Logs::Transformer\n    Properties: {LogGroupIdentifier: !Sub '/aws/lambda/${Orders}'}\n",
        "log-transformer",
    ),
    "any-source": (
        edited(
            (
                "SourceArn: !Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*",
                "SourceArn: '*'",
            ),
            text=GOOD,
        ),
        "invoke-permission-names-any-tenant",
    ),
    "managed-policy": (
        changed((PROPERTIES, PROPERTIES + "      Policies: [AmazonDynamoDBFullAccess]\n")),
        "shared-role-without-tenant-scope",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_passed_once_is_found(name: str, tmp_path: Path) -> None:
    text, rule = FOUND[name]
    assert rule in found(lint(text, tmp_path))


RIGHT = {
    "event-beside-a-document": edited(
        (
            PROPERTIES,
            PROPERTIES + "      Events:\n"
            "        G: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /orders, Method: get}}\n",
        )
    ),
    "key-and-authorizer": edited(("[{who: []}]", "[{key: [], who: []}]")),
    "alias-of-sam": edited(
        (PROPERTIES, PROPERTIES + "      AutoPublishAlias: live\n"),
        ("FunctionName: !Ref Orders", "FunctionName: !Ref OrdersAliaslive"),
        text=GOOD,
    ),
    "list-of-keys": "Parameters: {Keys: {Type: CommaDelimitedList, Default: method.request.header.Authorization}}\n"
    + edited(
        ("CacheKeyParameters: [method.request.header.Authorization]", "CacheKeyParameters: !Ref Keys"), text=GOOD
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name: str, tmp_path: Path) -> None:
    verdict = lint(RIGHT[name], tmp_path)
    assert verdict.outcome == "pass", (verdict.reasons, verdict.findings)


def test_a_nested_stack_that_is_named_is_no_doubt(tmp_path: Path) -> None:
    stack = "  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: ./inner.yaml}\n"
    (tmp_path / "outer.yaml").write_text(GOOD + stack)
    (tmp_path / "inner.yaml").write_text(GOOD)
    assert tenantcheck.lint(tmp_path / "outer.yaml").outcome == "inconclusive"
    assert tenantcheck.lint(tmp_path / "outer.yaml", tmp_path / "inner.yaml").outcome == "pass"


def test_a_plan_that_is_cut_off_is_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "plan.json").write_text(json.dumps(good())[:-50])
    assert tenantcheck.lint(tmp_path).outcome == "inconclusive"


def test_several_documents_and_a_parameter_that_is_nowhere_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several documents"):
        lint(GOOD + "---\n" + GOOD, tmp_path)
    with pytest.raises(UsageError, match="Nope"):
        lint(GOOD, tmp_path, parameters={"Nope": "1"})


def test_a_template_of_loops_only_is_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(
        "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::X: [A, [b], {}]\n"
    )
    assert tenantcheck.lint(tmp_path).outcome == "inconclusive"


def test_conditions_and_globals_that_multiply_end(tmp_path: Path) -> None:
    names = [f"  C{n}: !And [{', '.join(['!Condition C' + str(n - 1)] * 10)}]\n" for n in range(1, 30)]
    conditions = "Conditions:\n  C0: !Equals [a, a]\n" + "".join(names)
    text = conditions + edited(("LogFormat: JSON", "LogFormat: !If [C29, JSON, Text]"), text=GOOD)
    assert lint(text, tmp_path).outcome == "pass"
    lines = [
        "a0: &a0 {x: 1}",
        *(f"a{n}: &a{n} {{{', '.join(f'k{k}: *a{n - 1}' for k in range(10))}}}" for n in range(1, 12)),
    ]
    tree = "\n".join(lines) + "\nGlobals: {Function: {Tags: *a11}}\n"
    lint(tree + edited((PROPERTIES, PROPERTIES + "      Tags: *a11\n"), text=GOOD), tmp_path)


def plan_verdict(plan: Plan, folder: Path) -> Verdict:
    file = folder / "plan.json"
    file.write_text(json.dumps(plan, indent=1))
    return tenantcheck.lint(file)


def applied() -> Plan:
    """The plan of an API that exists: ids are written out."""
    plan = good()
    ids = {"rest_api_id": "a1", "resource_id": "r1", "authorizer_id": "t1"}
    values(plan, "aws_api_gateway_rest_api.api").update(id="a1", root_resource_id="root")
    values(plan, "aws_api_gateway_resource.folder").update(id="r1", rest_api_id="a1", parent_id="root")
    values(plan, "aws_api_gateway_authorizer.token").update(id="t1", rest_api_id="a1")
    values(plan, "aws_api_gateway_method.get").update(ids)
    values(plan, "aws_api_gateway_integration.get").update(rest_api_id="a1", resource_id="r1")
    for name in ("aws_api_gateway_stage.prod", "aws_api_gateway_method_settings.all"):
        values(plan, name)["rest_api_id"] = "a1"
    return plan


@pytest.mark.parametrize("state", [False, True], ids=["plan", "state"])
def test_an_api_that_exists(state: bool, tmp_path: Path) -> None:
    plan = applied()
    integration = values(plan, "aws_api_gateway_integration.get")
    if state:
        arn = "arn:aws:lambda:eu-west-1:1:function:orders"
        integration["uri"] = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        values(plan, "aws_lambda_permission.api").update(function_name="orders", source_arn="arn:x")
        del plan["configuration"], plan["resource_changes"]
    assert plan_verdict(plan, tmp_path).outcome == "pass"
    name = "integration.request.header.X-Amz-Tenant-Id"
    integration["request_parameters"] = {name: "method.request.header.x-tenant-id"}
    assert "mapping-beside-authorizer" in found(plan_verdict(plan, tmp_path))
    assert plan_verdict(plan, tmp_path).outcome == "fail"


def test_ids_that_go_by_way_of_another_resource(tmp_path: Path) -> None:
    plan = good()
    values(plan, "aws_api_gateway_integration.get")["cache_key_parameters"] = []
    add(plan, "aws_api_gateway_deployment.d", {}, rest_api_id="aws_api_gateway_rest_api.api.id")
    wanted = {"references": ["aws_api_gateway_deployment.d.rest_api_id", "aws_api_gateway_deployment.d"]}
    expressions(plan, "aws_api_gateway_stage.prod")["rest_api_id"] = wanted
    wanted = {"references": ["aws_api_gateway_stage.prod.rest_api_id", "aws_api_gateway_stage.prod"]}
    expressions(plan, "aws_api_gateway_method_settings.all")["rest_api_id"] = wanted
    assert found(plan_verdict(plan, tmp_path)) >= {"tenant-not-in-cache-key"}


def test_an_integration_without_its_method_is_a_doubt(tmp_path: Path) -> None:
    plan = good()
    add(plan, "aws_api_gateway_integration.other", {"http_method": "PUT"}, rest_api_id="module.m.rest_api_id")
    assert plan_verdict(plan, tmp_path).outcome == "inconclusive"


def test_resources_of_another_provider_are_a_doubt(tmp_path: Path) -> None:
    plan = good()
    add(plan, "awscc_lambda_url.u", {"auth_type": "NONE"})
    assert plan_verdict(plan, tmp_path).outcome == "inconclusive"


def test_a_body_that_can_not_be_read_is_a_doubt(tmp_path: Path) -> None:
    plan = good()
    values(plan, "aws_api_gateway_rest_api.api")["body"] = "{"
    assert plan_verdict(plan, tmp_path).outcome == "inconclusive"
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20))]
    values(plan, "aws_api_gateway_rest_api.api")["body"] = "\n".join(lines)
    plan_verdict(plan, tmp_path)


@pytest.mark.parametrize("key", ["apis", "http_apis", "log_groups", "account_policies", "denied"])
def test_a_snapshot_without_a_part_is_damaged(key: str, tmp_path: Path) -> None:
    told = snapshot("orders")
    del told[key]
    file = tmp_path / "s.json"
    file.write_text(json.dumps(told))
    with pytest.raises(UsageError, match="damaged"):
        tenantcheck.inspect(file)


@pytest.mark.parametrize("key", ["urls", "policy", "event_sources", "provisioned", "reserved", "memory"])
def test_a_function_without_a_part_is_damaged(key: str, tmp_path: Path) -> None:
    told = snapshot("orders")
    if key == "memory":
        told["functions"][0]["configuration"]["MemorySize"] = "abc"
    else:
        del told["functions"][0][key]
    file = tmp_path / "s.json"
    file.write_text(json.dumps(told))
    with pytest.raises(UsageError, match="damaged"):
        tenantcheck.inspect(file, price_per_gb=1.0)
