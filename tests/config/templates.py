"""A template without mistakes, and one for each mistake that can be planted in it."""

from __future__ import annotations

from typing import NamedTuple

GOOD = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Handler: app.handler
      Runtime: python3.13
      TenancyConfig:
        TenantIsolationMode: PER_TENANT
      LoggingConfig:
        LogFormat: JSON
        SystemLogLevel: INFO
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: orders
  Folder:
    Type: AWS::ApiGateway::Resource
    Properties:
      RestApiId: !Ref Api
      ParentId: !GetAtt Api.RootResourceId
      PathPart: orders
  Validator:
    Type: AWS::ApiGateway::RequestValidator
    Properties:
      RestApiId: !Ref Api
      ValidateRequestParameters: true
  Authorizer:
    Type: AWS::ApiGateway::Authorizer
    Properties:
      RestApiId: !Ref Api
      Name: token
      Type: TOKEN
      IdentitySource: method.request.header.Authorization
      AuthorizerUri: arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn/invocations
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Folder
      HttpMethod: GET
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref Authorizer
      RequestValidatorId: !Ref Validator
      RequestParameters:
        method.request.header.Authorization: true
      Integration:
        Type: AWS_PROXY
        IntegrationHttpMethod: POST
        Uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Orders.Arn}/invocations
        CacheKeyParameters: [method.request.header.Authorization]
        RequestParameters:
          integration.request.header.X-Amz-Tenant-Id: context.authorizer.tenantId
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties:
      RestApiId: !Ref Api
      DeploymentId: d1
      StageName: prod
      CacheClusterEnabled: true
      MethodSettings:
        - ResourcePath: /*
          HttpMethod: '*'
          CachingEnabled: true
  MayInvoke:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref Orders
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*
  Group:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub /aws/lambda/${Orders}
"""

_TENANCY = """\
      TenancyConfig:
        TenantIsolationMode: PER_TENANT
"""
_MAPPED = "integration.request.header.X-Amz-Tenant-Id: context.authorizer.tenantId"
_FROM_HEADER = "integration.request.header.X-Amz-Tenant-Id: method.request.header.x-tenant-id"
_KEYED = "        CacheKeyParameters: [method.request.header.Authorization]\n"
_AUTH = "      AuthorizationType: CUSTOM\n      AuthorizerId: !Ref Authorizer\n"


class Mistake(NamedTuple):
    """What to write instead of what, and what is found."""

    rule: str
    severity: str
    at: str
    """Text that the first exhibit points to."""
    edits: tuple[tuple[str, str], ...]
    others: frozenset[str] = frozenset()
    """Rules that find something besides."""


def _add(after: str, text: str) -> tuple[str, str]:
    return after, after + text


_TO_PROPERTIES = "      Handler: app.handler\n"
MISTAKES: tuple[Mistake, ...] = (
    Mistake("tenancy-disabled", "breach", "Orders:", ((_TENANCY, ""),)),
    Mistake(
        "tenancy-misplaced",
        "breach",
        "TenancyConfig:",
        (
            (_TENANCY, ""),
            _add(
                "    Type: AWS::Serverless::Function\n",
                "    TenancyConfig:\n      TenantIsolationMode: PER_TENANT\n",
            ),
        ),
        frozenset({"tenancy-disabled"}),
    ),
    Mistake(
        "tenancy-misplaced",
        "breach",
        "TenantIsolationMode:",
        (("TenantIsolationMode: PER_TENANT", "TenantIsolationMode: PER-TENANT"),),
        frozenset({"tenancy-disabled"}),
    ),
    Mistake(
        "replaces-function", "weakness", "FunctionName:", (_add(_TO_PROPERTIES, "      FunctionName: orders\n"),)
    ),
    Mistake(
        "function-url",
        "open",
        "FunctionUrlConfig:",
        (_add(_TO_PROPERTIES, "      FunctionUrlConfig: {AuthType: NONE}\n"),),
    ),
    Mistake(
        "snapstart", "open", "ApplyOn:", (_add(_TO_PROPERTIES, "      SnapStart: {ApplyOn: PublishedVersions}\n"),)
    ),
    Mistake(
        "provisioned-concurrency",
        "open",
        "ProvisionedConcurrencyConfig:",
        (
            _add(
                _TO_PROPERTIES,
                "      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}\n",
            ),
        ),
    ),
    Mistake(
        "event-source-mapping",
        "open",
        "Queue:",
        (_add(_TO_PROPERTIES, "      Events:\n        Queue: {Type: SQS, Properties: {Queue: q}}\n"),),
    ),
    Mistake(
        "http-api",
        "open",
        "Http:",
        (_add(_TO_PROPERTIES, "      Events:\n        Http: {Type: HttpApi}\n"),),
    ),
    Mistake("mapping-missing", "open", "Get:", ((_MAPPED, "integration.request.header.X-Other: context.requestId"),)),
    Mistake(
        "mapping-missing",
        "open",
        "Simple:",
        (_add(_TO_PROPERTIES, "      Events:\n        Simple: {Type: Api, Properties: {Path: /x, Method: get}}\n"),),
    ),
    Mistake(
        "mapping-literal",
        "breach",
        "integration.request.header.X-Amz-Tenant-Id",
        ((_MAPPED, "integration.request.header.X-Amz-Tenant-Id: \"'acme'\""),),
    ),
    Mistake(
        "mapping-literal",
        "breach",
        "integration.request.header.X-Amz-Tenant-Id",
        ((_MAPPED, "integration.request.header.X-Amz-Tenant-Id: stageVariables.tenant"),),
    ),
    Mistake(
        "mapping-literal",
        "breach",
        "integration.request.header.X-Amz-Tenant-Id",
        ((_MAPPED, "integration.request.header.X-Amz-Tenant-Id: context.stage"),),
    ),
    Mistake(
        "mapping-overridden",
        "open",
        "application/json",
        (
            _add(
                "        IntegrationHttpMethod: POST\n",
                "        RequestTemplates:\n          application/json: '#set($context.requestOverride.header.a "
                "= 1){}'\n",
            ),
        ),
    ),
    Mistake(
        "mapping-from-client",
        "breach",
        "integration.request.header.X-Amz-Tenant-Id",
        (
            (_MAPPED, _FROM_HEADER),
            (_AUTH, "      AuthorizationType: NONE\n"),
            ("method.request.header.Authorization: true", "method.request.header.x-tenant-id: true"),
            ("[method.request.header.Authorization]", "[method.request.header.x-tenant-id]"),
        ),
    ),
    Mistake(
        "mapping-beside-authorizer",
        "breach",
        "integration.request.header.X-Amz-Tenant-Id",
        (
            (_MAPPED, _FROM_HEADER),
            ("method.request.header.Authorization: true", "method.request.header.x-tenant-id: true"),
            ("[method.request.header.Authorization]", "[method.request.header.x-tenant-id]"),
        ),
    ),
    Mistake(
        "header-not-required",
        "weakness",
        "Get:",
        (
            (_MAPPED, _FROM_HEADER),
            ("[method.request.header.Authorization]", "[method.request.header.x-tenant-id]"),
        ),
        frozenset({"mapping-beside-authorizer"}),
    ),
    Mistake("tenant-not-in-cache-key", "breach", "Get:", ((_KEYED, ""),)),
    Mistake(
        "authorizer-cache-identity",
        "weakness",
        "Authorizer:",
        (
            ("method.request.header.Authorization: true", "method.request.header.x-tenant: true"),
            ("Type: TOKEN", "Type: REQUEST"),
        ),
    ),
    Mistake(
        "invoke-permission-names-any-tenant",
        "weakness",
        "Principal:",
        (("Principal: apigateway.amazonaws.com", "Principal: '123456789012'"),),
    ),
    Mistake(
        "shared-file-system",
        "weakness",
        "FileSystemConfigs:",
        (_add(_TO_PROPERTIES, "      FileSystemConfigs: [{Arn: a, LocalMountPath: /mnt/x}]\n"),),
    ),
    Mistake(
        "shared-role-without-tenant-scope",
        "weakness",
        "DynamoDBCrudPolicy",
        (_add(_TO_PROPERTIES, "      Policies:\n        - DynamoDBCrudPolicy: {TableName: orders}\n"),),
    ),
    Mistake("text-log-format", "weakness", "LogFormat:", (("LogFormat: JSON", "LogFormat: Text"),)),
    Mistake(
        "log-level-drops-start", "weakness", "SystemLogLevel:", (("SystemLogLevel: INFO", "SystemLogLevel: WARN"),)
    ),
    Mistake(
        "log-masking-hides-tenant",
        "weakness",
        "DataProtectionPolicy:",
        (
            _add(
                "    Type: AWS::Logs::LogGroup\n    Properties:\n",
                "      DataProtectionPolicy: {Version: '2021-06-01'}\n",
            ),
        ),
    ),
    Mistake(
        "log-transformer",
        "weakness",
        "Parse:",
        (
            (
                "  Group:\n",
                "  Parse:\n    Type: AWS::Logs::Transformer\n    Properties: {LogGroupIdentifier: !Ref Group}\n  "
                "Group:\n",
            ),
        ),
    ),
    Mistake(
        "log-class-without-queries",
        "weakness",
        "LogGroupClass:",
        (_add("    Type: AWS::Logs::LogGroup\n    Properties:\n", "      LogGroupClass: DELIVERY\n"),),
    ),
    Mistake(
        "environment-ceiling",
        "weakness",
        "ReservedConcurrentExecutions:",
        (_add(_TO_PROPERTIES, "      ReservedConcurrentExecutions: 10\n"),),
    ),
    Mistake(
        "untested-combination",
        "open",
        "DurableConfig:",
        (_add(_TO_PROPERTIES, "      DurableConfig: {ExecutionTimeout: 60}\n"),),
    ),
)


def planted(mistake: Mistake) -> str:
    """The template with this mistake."""
    text = GOOD
    for old, new in mistake.edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def place(text: str, at: str) -> tuple[int, int]:
    """Line and column where a text stands for the first time as a key."""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.lstrip().removeprefix("- ")
        if stripped.startswith(at) or f"{{{at}" in line:
            return number, line.index(at) + 1
    raise AssertionError(at)
