"""Other ways of writing the same: OpenAPI documents, SAM's API, roles, aliases, deployments, permissions."""

from __future__ import annotations

from pathlib import Path

import pytest

import tenantcheck
from tenantcheck.model import Verdict
from tests.config.templates import GOOD

OPEN_API = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: app.handler
      Runtime: python3.13
      TenancyConfig: {TenantIsolationMode: PER_TENANT}
      LoggingConfig: {LogFormat: JSON}
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      CacheClusterEnabled: true
      MethodSettings:
        - {ResourcePath: /~1orders, HttpMethod: GET, CachingEnabled: true}
      DefinitionBody:
        openapi: 3.0.1
        x-amazon-apigateway-request-validators:
          all: {validateRequestParameters: true}
        x-amazon-apigateway-request-validator: all
        components:
          securitySchemes:
            who:
              type: apiKey
              name: Authorization
              in: header
              x-amazon-apigateway-authtype: custom
              x-amazon-apigateway-authorizer: {type: token, authorizerResultTtlInSeconds: 60}
            signed: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
            key: {type: apiKey, name: x-api-key, in: header}
        paths:
          /orders:
            get:
              security: [{who: []}]
              parameters: [{in: header, name: x-tenant-id, required: true}]
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Orders.Arn}/invocations
                cacheKeyParameters: [method.request.header.Authorization]
                requestParameters:
                  integration.request.header.x-amz-tenant-id: context.authorizer.tenantId
"""


def lint(text: str, folder: Path, **options: object) -> Verdict:
    file = folder / "template.yaml"
    file.write_text(text)
    return tenantcheck.lint(file, **options)  # type: ignore[arg-type]


def found(verdict: Verdict) -> set[str]:
    return {finding.check for finding in verdict.findings}


def edited(*edits: tuple[str, str], text: str = OPEN_API) -> str:
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


_CLIENT = ("context.authorizer.tenantId", "method.request.header.x-tenant-id")
_UNCACHED = "type: request, authorizerResultTtlInSeconds: 0"
_KEYED = ("[method.request.header.Authorization]", "[method.request.header.x-tenant-id]")


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ((), set()),
        (
            (("cacheKeyParameters: [method.request.header.Authorization]", "timeoutInMillis: 900"),),
            {"tenant-not-in-cache-key"},
        ),
        ((_CLIENT, _KEYED, ("[{who: []}]", "[]")), {"mapping-from-client"}),
        ((_CLIENT, _KEYED, ("[{who: []}]", "[{key: []}]")), {"mapping-from-client"}),
        ((_CLIENT, _KEYED, ("[{who: []}]", "[{signed: []}]")), {"mapping-beside-authorizer"}),
        ((_CLIENT, _KEYED), {"mapping-beside-authorizer"}),
        (
            (
                _CLIENT,
                _KEYED,
                ("type: token, authorizerResultTtlInSeconds: 60", _UNCACHED),
            ),
            {"mapping-beside-authorizer"},
        ),
        (
            (_CLIENT, _KEYED, ("[{who: []}]", "[]"), ("required: true", "required: false")),
            {"mapping-from-client", "header-not-required"},
        ),
        (
            (_CLIENT, _KEYED, ("type: token", "type: request")),
            {"mapping-beside-authorizer", "authorizer-cache-identity"},
        ),
        ((("context.authorizer.tenantId", "\"'one'\""),), {"mapping-literal"}),
        (
            (("integration.request.header.x-amz-tenant-id", "integration.request.header.x-other"),),
            {"mapping-missing"},
        ),
    ],
)
def test_methods_of_an_openapi_document(
    edits: tuple[tuple[str, str], ...], expected: set[str], tmp_path: Path
) -> None:
    assert found(lint(edited(*edits), tmp_path)) == expected


@pytest.mark.parametrize(
    "edit",
    [
        ("      DefinitionBody:\n", "      DefinitionUri: s3://bucket/api.yaml\n      DefinitionBody:\n"),
        ("[{who: []}]", "[{nobody: []}]"),
        ("      DefinitionBody:\n", "      Auth: {DefaultAuthorizer: A}\n      DefinitionBody:\n"),
        (
            "          all: {validateRequestParameters: true}",
            "          all: {validateRequestParameters: !ImportValue V}",
        ),
    ],
    ids=["elsewhere", "unknown-scheme", "made-by-sam", "validator"],
)
def test_what_an_openapi_document_does_not_say_is_no_pass(edit: tuple[str, str], tmp_path: Path) -> None:
    text = edited(edit, _CLIENT, _KEYED)
    if edit[1].startswith("      Auth"):
        text = edited(("              security: [{who: []}]\n", ""), text=text)
    assert lint(text, tmp_path).outcome != "pass"


ROLE = """\
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: data
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [logs:PutLogEvents, dynamodb:Query]
                Resource: '*'
"""
POLICY = """\
  Role:
    Type: AWS::IAM::Role
    Properties: {}
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      Roles: [!Ref Role]
      PolicyDocument:
        Statement: {Effect: Allow, Action: s3:GetObject, Resource: '*'}
"""


@pytest.mark.parametrize("more", [ROLE, POLICY], ids=["inline", "apart"])
def test_what_the_role_of_a_function_may_do(more: str, tmp_path: Path) -> None:
    text = edited(
        ("      Handler: app.handler\n", "      Handler: app.handler\n      Role: !GetAtt Role.Arn\n"), text=GOOD
    )
    assert found(lint(text + more, tmp_path)) == {"shared-role-without-tenant-scope"}
    limited = more.replace("Resource: '*'", "Resource: '*', Condition: {StringEquals: {aws:PrincipalTag/tenant: a}}")
    if more is ROLE:
        limited = more + "                Condition: {StringEquals: {aws:PrincipalTag/tenant: a}}\n"
    assert found(lint(text + limited, tmp_path)) == set()


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        (
            "  U:\n    Type: AWS::Lambda::Url\n    Properties: {TargetFunctionArn: !GetAtt Orders.Arn}\n",
            "function-url",
        ),
        (
            "  V:\n    Type: AWS::Lambda::Alias\n    Properties:\n      FunctionName: !Ref Orders\n"
            "      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}\n",
            "provisioned-concurrency",
        ),
        (
            "  E:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: {FunctionName: !Ref Orders, "
            "EventSourceArn: q}\n",
            "event-source-mapping",
        ),
        (
            "  H:\n    Type: AWS::ApiGatewayV2::Integration\n    Properties:\n"
            "      IntegrationUri: !Join ['', ['arn:', !GetAtt Orders.Arn]]\n",
            "http-api",
        ),
        (
            "  P:\n    Type: AWS::Lambda::Permission\n    Properties:\n      Action: lambda:InvokeFunction\n"
            "      FunctionName: !GetAtt Orders.Arn\n      Principal: apigateway.amazonaws.com\n",
            "invoke-permission-names-any-tenant",
        ),
    ],
)
def test_what_stands_beside_a_function(more: str, rule: str, tmp_path: Path) -> None:
    assert found(lint(GOOD + more, tmp_path)) == {rule}


def test_the_cache_of_a_deployment(tmp_path: Path) -> None:
    text = edited(("        CacheKeyParameters: [method.request.header.Authorization]\n", ""), text=GOOD)
    text = edited(("CacheClusterEnabled: true", "CacheClusterEnabled: false"), text=text)
    assert found(lint(text, tmp_path)) == set()
    text += (
        "  D:\n    Type: AWS::ApiGateway::Deployment\n    Properties:\n      RestApiId: !Ref Api\n"
        "      StageDescription: {CacheClusterEnabled: true, CachingEnabled: true}\n"
    )
    assert found(lint(text, tmp_path)) == {"tenant-not-in-cache-key"}


@pytest.mark.parametrize(
    "text",
    [
        "Transform: [AWS::Serverless-2016-10-31, MyMacro]\n" + GOOD.partition("\n")[2],
        GOOD + "  Fn::ForEach::More: [X, [a], {}]\n",
        GOOD + "  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: inner.yaml}\n",
        GOOD.replace(
            "        TenantIsolationMode: PER_TENANT\n", "        TenantIsolationMode: !Select [1, [PER_TENANT]]\n"
        ),
        GOOD.replace("LogFormat: JSON", "LogFormat: !FindInMap [A, B, C]"),
        GOOD.replace("LogFormat: JSON", "LogFormat: !If [Nobody, JSON, Text]"),
        GOOD.replace("LogFormat: JSON", "LogFormat: !Join ['', [!ImportValue A, N]]"),
    ],
)
def test_what_is_made_at_deployment_is_no_pass(text: str, tmp_path: Path) -> None:
    assert lint(text, tmp_path).outcome == "inconclusive"


def test_mistakes_that_were_published(tmp_path: Path) -> None:
    """A standard and an isolated method with different headers; a cache that is keyed by the path."""
    other = (
        "  Plain:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: ., Handler: a.b, Runtime: python3.13}\n"
        "  Standard:\n    Type: AWS::ApiGateway::Method\n    Properties:\n      RestApiId: !Ref Api\n"
        "      ResourceId: !Ref Folder\n      HttpMethod: GET\n      AuthorizationType: NONE\n      Integration:\n"
        "        Type: AWS_PROXY\n"
        "        Uri: !Sub arn:aws:apigateway:a:lambda:path/2015-03-31/functions/${Plain.Arn}/invocations\n"
        "        CacheKeyParameters: [method.request.path.proxy]\n"
        "        RequestParameters:\n"
        "          integration.request.header.X-Amz-Tenant-Id: method.request.header.tenant\n"
    )
    assert found(lint(GOOD + other, tmp_path)) == {
        "tenancy-disabled",
        "mapping-from-client",
        "header-not-required",
        "tenant-not-in-cache-key",
    }


def test_conditions_are_worked_out(tmp_path: Path) -> None:
    text = (
        "Parameters: {Stage: {Type: String, Default: dev}}\n"
        "Conditions:\n"
        "  Dev: !Equals [!Ref Stage, dev]\n"
        "  Live: !Not [!Condition Dev]\n"
        "  Any: !Or [!Condition Dev, !Condition Live]\n"
        "  Both: !And [!Condition Dev, !Condition Live]\n"
        + GOOD.replace("LogFormat: JSON", "LogFormat: !If [Any, !If [Both, Text, JSON], Text]").replace(
            "SystemLogLevel: INFO", "SystemLogLevel: !If [Live, WARN, !Ref AWS::NoValue]"
        )
    )
    assert (lint(text, tmp_path).outcome, found(lint(text, tmp_path))) == ("pass", set())
    assert found(lint(text, tmp_path, parameters={"Stage": "live"})) == {"log-level-drops-start"}
