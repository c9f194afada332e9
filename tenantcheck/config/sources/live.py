"""Live settings, read and never changed → a snapshot, and a snapshot → resources under CloudFormation's names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenantcheck.aws import ReadingOptions, code_of, reading_client, translated
from tenantcheck.config.resources import Resource
from tenantcheck.config.values import Known, Place, Value, plain
from tenantcheck.errors import TargetError

#: Format of a snapshot.
FORMAT = "tenantcheck-configuration"
VERSION = 1
#: What of a function is kept: its environment variables are not.
_KEPT = (
    "FunctionName",
    "FunctionArn",
    "Role",
    "MemorySize",
    "Architectures",
    "CodeSha256",
    "ConfigSha256",
    "Version",
    "TenancyConfig",
    "LoggingConfig",
    "SnapStart",
    "FileSystemConfigs",
    "CapacityProviderConfig",
    "DurableConfig",
    "AcceleratorConfig",
)
_MAPPING_RULES = (
    "mapping-missing",
    "mapping-literal",
    "mapping-from-client",
    "mapping-beside-authorizer",
    "header-not-required",
    "tenant-not-in-cache-key",
    "authorizer-cache-identity",
)
#: Every action that is asked for, and the rules that can't be looked at without it.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "lambda:GetFunctionConfiguration": (),
    "lambda:ListFunctions": (),
    "lambda:GetPolicy": ("invoke-permission-names-any-tenant",),
    "lambda:ListFunctionUrlConfigs": ("function-url",),
    "lambda:ListProvisionedConcurrencyConfigs": ("provisioned-concurrency",),
    "lambda:ListEventSourceMappings": ("event-source-mapping",),
    "lambda:GetFunctionConcurrency": ("environment-ceiling",),
    "apigateway:GET": (*_MAPPING_RULES, "http-api"),
    "logs:DescribeLogGroups": ("log-class-without-queries", "log-masking-hides-tenant"),
    "logs:DescribeAccountPolicies": ("log-masking-hides-tenant", "log-transformer"),
    "logs:GetTransformer": ("log-transformer",),
}
_DENIED = frozenset(
    {
        "AccessDeniedException",
        "AccessDenied",
        "UnauthorizedOperation",
        "ForbiddenException",
        "AuthorizationError",
        "UnknownOperationException",
    }
)
_ABSENT = frozenset({"ResourceNotFoundException", "NotFoundException"})


@dataclass
class Reader:
    """Asks AWS for what rules look at."""

    options: ReadingOptions
    on_progress: Callable[[str], object] = lambda _: None
    denied: set[str] = field(default_factory=set)
    _clients: dict[str, Any] = field(default_factory=dict)

    def snapshot(self, names: Iterable[str], *, every: bool) -> dict[str, Any]:
        """What is configured. Raises `TargetError` for a function that does not exist or can't be read."""
        if every:
            listed = self._pages("lambda", "list_functions", "Functions", "lambda:ListFunctions")
            if "lambda:ListFunctions" in self.denied:
                raise TargetError("lambda:ListFunctions is denied", "Allow it, or name functions.")
            configurations = [*listed]
        else:
            configurations = [self._configuration(name) for name in names]
        functions = []
        for each in configurations:
            self.on_progress(f"reading {each.get('FunctionName', '?')}")
            functions.append(self._function(each))
        arns = {str(each["configuration"].get("FunctionName")) for each in functions}
        groups = [self._log_group(each["configuration"]) for each in functions]
        return {
            "format": FORMAT,
            "version": VERSION,
            "functions": functions,
            "apis": [*self._rest_apis(arns)],
            "http_apis": [*self._http_apis(arns)],
            "log_groups": [group for group in groups if group is not None],
            "account_policies": [*self._account_policies()],
            "denied": sorted(self.denied),
        }

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = reading_client(service, self.options)
        return self._clients[service]

    def _ask(self, service: str, operation: str, action: str, **arguments: Any) -> dict[str, Any] | None:
        """One answer; None where it is denied or not there."""
        from botocore.exceptions import ClientError

        client = self._client(service)
        try:
            with translated():
                answer: dict[str, Any] = getattr(client, operation)(**arguments)
                return answer
        except ClientError as error:
            self._refused(error, action)
            return None

    def _refused(self, error: Exception, action: str) -> None:
        code = code_of(error)
        if code in _DENIED:
            self.denied.add(action)
        elif code not in _ABSENT:
            raise TargetError(f"{action} answered {code}", "Try again, or look at the function.") from None

    def _pages(
        self, service: str, operation: str, key: str, action: str, **arguments: Any
    ) -> Iterator[dict[str, Any]]:
        """The items of all pages; none where it is denied."""
        from botocore.exceptions import ClientError

        try:
            with translated():
                for page in self._client(service).get_paginator(operation).paginate(**arguments):
                    yield from page.get(key, ())
        except ClientError as error:
            self._refused(error, action)

    def _configuration(self, name: str) -> dict[str, Any]:
        action = "lambda:GetFunctionConfiguration"
        answer = self._ask("lambda", "get_function_configuration", action, FunctionName=name)
        if answer is None:
            why = "is denied" if action in self.denied else "finds no such function"
            raise TargetError(f"{name}: {action} {why}", "Look at the name, --region and --profile.")
        return answer

    def _function(self, configuration: dict[str, Any]) -> dict[str, Any]:
        name = configuration["FunctionName"]
        known = {key: configuration[key] for key in _KEPT if key in configuration}
        policy = self._ask("lambda", "get_policy", "lambda:GetPolicy", FunctionName=name) or {}
        concurrency = self._ask(
            "lambda", "get_function_concurrency", "lambda:GetFunctionConcurrency", FunctionName=name
        )
        return {
            "configuration": known,
            "policy": _statements(policy.get("Policy")),
            "reserved": (concurrency or {}).get("ReservedConcurrentExecutions"),
            "urls": [
                each["FunctionUrl"]
                for each in self._pages(
                    "lambda",
                    "list_function_url_configs",
                    "FunctionUrlConfigs",
                    "lambda:ListFunctionUrlConfigs",
                    FunctionName=name,
                )
            ],
            "provisioned": [
                each["FunctionArn"]
                for each in self._pages(
                    "lambda",
                    "list_provisioned_concurrency_configs",
                    "ProvisionedConcurrencyConfigs",
                    "lambda:ListProvisionedConcurrencyConfigs",
                    FunctionName=name,
                )
            ],
            "event_sources": [
                each.get("EventSourceArn") or each.get("UUID", "")
                for each in self._pages(
                    "lambda",
                    "list_event_source_mappings",
                    "EventSourceMappings",
                    "lambda:ListEventSourceMappings",
                    FunctionName=name,
                )
            ],
        }

    def _rest_apis(self, names: set[str]) -> Iterator[dict[str, Any]]:
        """The REST APIs that call one of these functions."""
        for api in self._pages("apigateway", "get_rest_apis", "items", "apigateway:GET"):
            self.on_progress(f"reading the API {api.get('name', '')}")
            given = {"restApiId": api["id"]}
            folders = self._pages(
                "apigateway", "get_resources", "items", "apigateway:GET", embed=["methods"], **given
            )
            kept = [folder for folder in folders if _calls(folder, names)]
            if not kept:
                continue
            asked = {
                key: (self._ask("apigateway", operation, "apigateway:GET", **given, **more) or {}).get(item, [])
                for key, operation, item, more in (
                    ("stages", "get_stages", "item", {}),
                    ("authorizers", "get_authorizers", "items", {"limit": 500}),
                    ("validators", "get_request_validators", "items", {"limit": 500}),
                )
            }
            yield {"id": api["id"], "name": api.get("name"), "resources": kept, **asked}

    def _http_apis(self, names: set[str]) -> Iterator[dict[str, Any]]:
        for api in self._pages("apigatewayv2", "get_apis", "Items", "apigateway:GET"):
            if api.get("ProtocolType") != "HTTP":
                continue
            some = self._pages("apigatewayv2", "get_integrations", "Items", "apigateway:GET", ApiId=api["ApiId"])
            uris = [each.get("IntegrationUri") or "" for each in some]
            if kept := [uri for uri in uris if _names(uri, names)]:
                yield {"id": api["ApiId"], "integrations": kept}

    def _log_group(self, configuration: Mapping[str, Any]) -> dict[str, Any] | None:
        own = f"/aws/lambda/{configuration['FunctionName']}"
        name = (configuration.get("LoggingConfig") or {}).get("LogGroup") or own
        answer = self._ask("logs", "describe_log_groups", "logs:DescribeLogGroups", logGroupNamePrefix=name, limit=50)
        group = next((each for each in (answer or {}).get("logGroups", ()) if each.get("logGroupName") == name), None)
        if group is None:
            return None
        transformer = self._ask("logs", "get_transformer", "logs:GetTransformer", logGroupIdentifier=name)
        return {
            "name": name,
            "class": group.get("logGroupClass", "STANDARD"),
            "retention": group.get("retentionInDays"),
            "masked": group.get("dataProtectionStatus") == "ACTIVATED"
            or "ACCOUNT_DATA_PROTECTION" in group.get("inheritedProperties", ()),
            "transformed": bool((transformer or {}).get("transformerConfig")),
        }

    def _account_policies(self) -> Iterator[dict[str, Any]]:
        for kind in ("DATA_PROTECTION_POLICY", "TRANSFORMER_POLICY"):
            answer = self._ask("logs", "describe_account_policies", "logs:DescribeAccountPolicies", policyType=kind)
            for each in (answer or {}).get("accountPolicies", ()):
                yield {"type": kind, "name": each.get("policyName"), "selection": each.get("selectionCriteria")}


def _statements(text: object) -> list[dict[str, Any]]:
    """The statements of a policy that a service answers as text."""
    try:
        document = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return []
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    some = statements if isinstance(statements, list) else [statements]
    return [each for each in some if isinstance(each, dict)]


def _names(uri: str, names: set[str]) -> bool:
    return any(f":function:{name}" in uri for name in names)


def _calls(folder: Mapping[str, Any], names: set[str]) -> bool:
    methods = (folder.get("resourceMethods") or {}).values()
    return any(_names((each.get("methodIntegration") or {}).get("uri") or "", names) for each in methods)


def resources_of(snapshot: Mapping[str, Any]) -> Iterator[Resource]:
    """The resources of a snapshot, under CloudFormation's names."""
    for function in snapshot["functions"]:
        yield from _function_resources(function)
    for api in snapshot["apis"]:
        yield from _api_resources(api)
    for api in snapshot["http_apis"]:
        for position, uri in enumerate(api["integrations"]):
            yield _resource(f"{api['id']}/{position}", "AWS::ApiGatewayV2::Integration", {"IntegrationUri": uri})
    policies = {each.get("type") for each in snapshot["account_policies"]}
    for group in {each["name"]: each for each in snapshot["log_groups"]}.values():
        given = {"LogGroupName": group["name"], "LogGroupClass": group.get("class")}
        if group.get("masked") or "DATA_PROTECTION_POLICY" in policies:
            given["DataProtectionPolicy"] = "there"
        yield _resource(group["name"], "AWS::Logs::LogGroup", given)
        if group.get("transformed") or "TRANSFORMER_POLICY" in policies:
            wanted = {"LogGroupIdentifier": group["name"]}
            yield _resource(f"{group['name']} transformer", "AWS::Logs::Transformer", wanted)


def _resource(name: str, kind: str, properties: Mapping[str, object]) -> Resource:
    place = Place("")
    known: dict[str, Value] = {key: plain(value, place) for key, value in properties.items() if value is not None}
    return Resource(id=name, type=kind, place=place, properties=Known(known, place))


def _function_resources(function: Mapping[str, Any]) -> Iterator[Resource]:
    configuration = function["configuration"]
    name = configuration["FunctionName"]
    reserved = function["reserved"]
    yield _resource(name, "AWS::Lambda::Function", {**configuration, "ReservedConcurrentExecutions": reserved})
    for url in function["urls"]:
        yield _resource(url, "AWS::Lambda::Url", {"TargetFunctionArn": name})
    for arn in function["provisioned"]:
        given = {"FunctionName": name, "ProvisionedConcurrencyConfig": arn}
        yield _resource(f"{arn} (provisioned)", "AWS::Lambda::Alias", given)
    for source in function["event_sources"]:
        given = {"FunctionName": name, "EventSourceArn": source}
        yield _resource(f"{name} {source}", "AWS::Lambda::EventSourceMapping", given)
    for position, statement in enumerate(function["policy"]):
        yield from _permissions(name, position, statement)


def _permissions(name: str, position: int, statement: Mapping[str, Any]) -> Iterator[Resource]:
    """Who a statement of a function's own policy lets in."""
    if statement.get("Effect") != "Allow":
        return
    principal = statement.get("Principal")
    some = principal.values() if isinstance(principal, dict) else [principal]
    conditions = statement.get("Condition") or {}
    entries = [each for each in conditions.values() if isinstance(each, dict)]
    source = next((value for each in entries for key, value in each.items() if key.lower() == "aws:sourcearn"), None)
    actions = statement.get("Action")
    for action in actions if isinstance(actions, list) else [actions]:
        for group in some:
            for each in group if isinstance(group, list) else [group]:
                given = {"FunctionName": name, "Action": action, "Principal": each, "SourceArn": source}
                sid = statement.get("Sid", position)
                yield _resource(f"{name} policy {sid} {each} {action}", "AWS::Lambda::Permission", given)


def _api_resources(api: Mapping[str, Any]) -> Iterator[Resource]:
    own = api["id"]
    for each in api["authorizers"]:
        yield _resource(
            f"{own}/authorizers/{each['id']}",
            "AWS::ApiGateway::Authorizer",
            {
                "Type": each.get("type"),
                "IdentitySource": each.get("identitySource"),
                "AuthorizerResultTtlInSeconds": each.get("authorizerResultTtlInSeconds"),
            },
        )
    for each in api["validators"]:
        given = {"ValidateRequestParameters": each.get("validateRequestParameters")}
        yield _resource(f"{own}/validators/{each['id']}", "AWS::ApiGateway::RequestValidator", given)
    for folder in api["resources"]:
        path = folder.get("path", "/")
        name = f"{own}{path}"
        parent = {"PathPart": path[1:], "ParentId": "${api.RootResourceId}"}
        yield _resource(name, "AWS::ApiGateway::Resource", parent)
        for verb, method in (folder.get("resourceMethods") or {}).items():
            yield _method_resource(own, name, path, verb, method)
    for stage in api["stages"]:
        settings = [
            {
                "ResourcePath": "/" + path.rpartition("/")[0].lstrip("/"),
                "HttpMethod": path.rpartition("/")[2],
                "CachingEnabled": each.get("cachingEnabled"),
            }
            for path, each in (stage.get("methodSettings") or {}).items()
        ]
        given = {
            "RestApiId": f"${{{own}.Id}}",
            "CacheClusterEnabled": stage.get("cacheClusterEnabled"),
            "MethodSettings": settings,
        }
        yield _resource(f"{own}/stages/{stage.get('stageName')}", "AWS::ApiGateway::Stage", given)


def _method_resource(api: str, folder: str, path: str, verb: str, method: Mapping[str, Any]) -> Resource:
    integration = method.get("methodIntegration") or {}
    authorizer, validator = method.get("authorizerId"), method.get("requestValidatorId")
    return _resource(
        f"{api} {verb} {path}",
        "AWS::ApiGateway::Method",
        {
            "RestApiId": f"${{{api}.Id}}",
            "ResourceId": "${api.RootResourceId}" if path == "/" else f"${{{folder}.Id}}",
            "HttpMethod": verb,
            "AuthorizationType": method.get("authorizationType"),
            "AuthorizerId": f"${{{api}/authorizers/{authorizer}.Id}}" if authorizer else None,
            "RequestValidatorId": f"${{{api}/validators/{validator}.Id}}" if validator else None,
            "RequestParameters": method.get("requestParameters") or {},
            "Integration": {
                "Uri": integration.get("uri"),
                "RequestParameters": integration.get("requestParameters") or {},
                "CacheKeyParameters": integration.get("cacheKeyParameters") or [],
                "RequestTemplates": integration.get("requestTemplates") or {},
            },
        },
    )
