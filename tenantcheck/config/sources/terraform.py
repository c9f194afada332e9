"""A plan of Terraform, as `terraform show -json` prints it: its resources under CloudFormation's names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tenantcheck.config.description import Found
from tenantcheck.config.resources import Resource
from tenantcheck.config.scope import Scope
from tenantcheck.config.sources.cloudformation import Template
from tenantcheck.config.tree import UnreadableError, parsed
from tenantcheck.config.values import Known, Place, Unknown, Value, elements_of, mapping_of, text_of

_DEEPEST = 20
#: Attributes that hold the id of another resource.
_IDS = frozenset({"rest_api_id", "resource_id", "parent_id", "authorizer_id", "request_validator_id"})
_IDENTIFIED = frozenset(
    f"aws_api_gateway_{name}" for name in ("rest_api", "resource", "authorizer", "request_validator")
)
#: From one resource to the next, on the way to what an id means.
_MOST_HOPS = 4
#: An address, and what its attributes refer to.
_Expressions: TypeAlias = tuple[str, Mapping[str, Value]]
#: Path of a property, and the attribute of Terraform; a block is the only element of a list.
_Names: TypeAlias = Mapping[str, str]

_FUNCTION: _Names = {
    "FunctionName": "function_name",
    "TenancyConfig.TenantIsolationMode": "tenancy_config.tenant_isolation_mode",
    "LoggingConfig.LogFormat": "logging_config.log_format",
    "LoggingConfig.SystemLogLevel": "logging_config.system_log_level",
    "LoggingConfig.LogGroup": "logging_config.log_group",
    "ReservedConcurrentExecutions": "reserved_concurrent_executions",
    "Role": "role",
    "SnapStart.ApplyOn": "snap_start.apply_on",
    "FileSystemConfigs": "file_system_config",
    "CapacityProviderConfig": "capacity_provider_config",
    "DurableConfig": "durable_config",
}
_TYPES: Mapping[str, tuple[str, _Names]] = {
    "aws_lambda_function": ("AWS::Lambda::Function", _FUNCTION),
    "aws_lambda_function_url": ("AWS::Lambda::Url", {"TargetFunctionArn": "function_name"}),
    "aws_lambda_event_source_mapping": (
        "AWS::Lambda::EventSourceMapping",
        {"FunctionName": "function_name", "EventSourceArn": "event_source_arn"},
    ),
    "aws_lambda_provisioned_concurrency_config": (
        "AWS::Lambda::Alias",
        {"FunctionName": "function_name", "ProvisionedConcurrencyConfig": "provisioned_concurrent_executions"},
    ),
    "aws_lambda_alias": ("AWS::Lambda::Alias", {"FunctionName": "function_name"}),
    "aws_apigatewayv2_api": ("AWS::ApiGatewayV2::Api", {"Target": "target"}),
    "aws_lambda_permission": (
        "AWS::Lambda::Permission",
        {"FunctionName": "function_name", "Action": "action", "Principal": "principal", "SourceArn": "source_arn"},
    ),
    "aws_api_gateway_rest_api": ("AWS::ApiGateway::RestApi", {}),
    "aws_api_gateway_resource": ("AWS::ApiGateway::Resource", {"PathPart": "path_part", "ParentId": "parent_id"}),
    "aws_api_gateway_authorizer": (
        "AWS::ApiGateway::Authorizer",
        {
            "Type": "type",
            "IdentitySource": "identity_source",
            "AuthorizerResultTtlInSeconds": "authorizer_result_ttl_in_seconds",
        },
    ),
    "aws_api_gateway_request_validator": (
        "AWS::ApiGateway::RequestValidator",
        {"ValidateRequestParameters": "validate_request_parameters"},
    ),
    "aws_api_gateway_stage": (
        "AWS::ApiGateway::Stage",
        {"RestApiId": "rest_api_id", "CacheClusterEnabled": "cache_cluster_enabled", "StageName": "stage_name"},
    ),
    "aws_apigatewayv2_integration": ("AWS::ApiGatewayV2::Integration", {"IntegrationUri": "integration_uri"}),
    "aws_cloudwatch_log_group": (
        "AWS::Logs::LogGroup",
        {"LogGroupName": "name", "LogGroupClass": "log_group_class"},
    ),
    "aws_iam_role": ("AWS::IAM::Role", {"RoleName": "name", "ManagedPolicyArns": "managed_policy_arns"}),
    "aws_iam_role_policy": ("AWS::IAM::Policy", {"Roles": "role"}),
    "aws_appautoscaling_target": (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {"ServiceNamespace": "service_namespace", "ResourceId": "resource_id"},
    ),
    "aws_cloudwatch_log_transformer": ("AWS::Logs::Transformer", {"LogGroupIdentifier": "log_group_arn"}),
}
_METHOD: _Names = {
    "RestApiId": "rest_api_id",
    "ResourceId": "resource_id",
    "HttpMethod": "http_method",
    "AuthorizationType": "authorization",
    "AuthorizerId": "authorizer_id",
    "RequestValidatorId": "request_validator_id",
    "RequestParameters": "request_parameters",
}
_INTEGRATION: _Names = {
    "Integration.Uri": "uri",
    "Integration.RequestParameters": "request_parameters",
    "Integration.CacheKeyParameters": "cache_key_parameters",
    "Integration.RequestTemplates": "request_templates",
}


def is_plan(document: Value) -> bool:
    """Whether a document is a plan or a state, as JSON."""
    top = mapping_of(document)
    return "format_version" in top and bool({"planned_values", "values"} & top.keys())


@dataclass
class _Planned:
    """One resource of a plan."""

    address: str
    kind: str
    values: Value
    place: Place
    references: Mapping[str, Value] = field(default_factory=dict)
    unknown: Value | None = None


def plan_of(document: Value) -> Template:
    """The resources of a plan, under CloudFormation's names."""
    top = mapping_of(document)
    planned = mapping_of(mapping_of(top.get("planned_values") or top.get("values")).get("root_module"))
    references = dict(_references(mapping_of(mapping_of(top.get("configuration")).get("root_module")), ""))
    changes = {text_of(mapping_of(each).get("address")): each for each in elements_of(top.get("resource_changes"))}
    found = []
    for each in _resources(planned):
        each.references = references.get(_plain(each.address), {})
        change = mapping_of(mapping_of(changes.get(each.address)).get("change"))
        each.unknown = change.get("after_unknown")
        found.append(each)
    translated = _Plan(found)
    resources = [*translated.resources(changes)]
    return Template(
        resources,
        Scope(resources=frozenset(each.address for each in found)),
        doubts=[*translated.left_over()],
    )


def _resources(module: Mapping[str, Value], depth: int = 0) -> Iterator[_Planned]:
    for each in elements_of(module.get("resources")):
        entries = mapping_of(each)
        address, kind = text_of(entries.get("address")), text_of(entries.get("type"))
        if address and kind and text_of(entries.get("mode")) != "data":
            yield _Planned(address, kind, entries.get("values") or Known({}, each.place), each.place)
    for child in elements_of(module.get("child_modules")) if depth < _DEEPEST else ():
        yield from _resources(mapping_of(child), depth + 1)


def _plain(address: str) -> str:
    """An address without indices."""
    return re.sub(r"\[[^\]]*\]", "", address)


def _references(
    module: Mapping[str, Value], prefix: str, depth: int = 0
) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """Expressions of every resource, by its address without indices."""
    for each in elements_of(module.get("resources")):
        entries = mapping_of(each)
        yield f"{prefix}{text_of(entries.get('address'))}", mapping_of(entries.get("expressions"))
    calls = mapping_of(module.get("module_calls")).items() if depth < _DEEPEST else ()
    for name, call in calls:
        inner = mapping_of(mapping_of(call).get("module"))
        yield from _references(inner, f"{prefix}module.{name}.", depth + 1)


class _Plan:
    def __init__(self, planned: list[_Planned]) -> None:
        self._planned = {each.address: each for each in planned}
        self._without_index: dict[str, list[str]] = {}
        self._ids: dict[str, str] = {}
        self._used: set[str] = set()
        for each in planned:
            self._without_index.setdefault(_plain(each.address), []).append(each.address)
            known = mapping_of(each.values)
            for attribute, name in (("id", "Arn"), ("root_resource_id", "RootResourceId")):
                text = text_of(known.get(attribute))
                if text and each.kind in _IDENTIFIED:
                    self._ids[text] = f"{each.address}.{name}"

    def resources(self, changes: Mapping[str | None, Value]) -> Iterator[Resource]:
        """What the plan leaves behind."""
        for each in self._planned.values():
            if each.kind == "aws_api_gateway_method":
                yield self._method(each)
            elif each.kind == "aws_api_gateway_stage":
                yield self._stage(each)
            elif each.kind in _TYPES:
                kind, names = _TYPES[each.kind]
                properties = self._properties(each, names)
                self._documents(each, properties)
                replaced = _replaced(each, changes.get(each.address))
                yield Resource(
                    id=each.address,
                    type=kind,
                    place=each.place,
                    properties=_nested(properties, each.place),
                    replaced=replaced,
                )

    def left_over(self) -> Iterator[str]:
        """What no rule looks at: integrations that belong to no method here, and resources of another provider."""
        for each in self._planned.values():
            if each.kind == "aws_api_gateway_integration" and each.address not in self._used:
                yield f"{each.address}: its method is not known before apply"
            elif each.kind.startswith(("awscc_lambda_", "awscc_apigateway_", "awscc_apigatewayv2_")):
                yield f"{each.address}: resources of the provider awscc are not read"

    def _method(self, method: _Planned) -> Resource:
        """A method and its integration are two resources here."""
        properties = self._properties(method, _METHOD)
        kind = "aws_api_gateway_integration"
        some = [each for each in self._planned.values() if each.kind == kind and _belongs(each, method)]
        self._used |= {each.address for each in some}
        if len(some) == 1:
            properties |= self._properties(some[0], _INTEGRATION)
        elif some:
            properties["Integration"] = Unknown("several integrations may be its own", method.place)
        return Resource(
            id=method.address,
            type="AWS::ApiGateway::Method",
            place=method.place,
            properties=_nested(properties, method.place),
        )

    def _stage(self, stage: _Planned) -> Resource:
        properties = self._properties(stage, _TYPES[stage.kind][1])
        settings: list[Value] = []
        for each in self._planned.values():
            if each.kind != "aws_api_gateway_method_settings" or not self._of(each, stage):
                continue
            path = text_of(self._value(each, "method_path")) or "*/*"
            folder, _, verb = path.rpartition("/")
            entries = {
                "ResourcePath": Known(f"/{folder}", each.place),
                "HttpMethod": Known(verb, each.place),
                "CachingEnabled": self._value(each, "settings.caching_enabled"),
            }
            settings.append(Known({key: value for key, value in entries.items() if value is not None}, each.place))
        properties["MethodSettings"] = Known(settings, stage.place)
        return Resource(
            id=stage.address,
            type="AWS::ApiGateway::Stage",
            place=stage.place,
            properties=_nested(properties, stage.place),
        )

    def _of(self, setting: _Planned, stage: _Planned) -> bool:
        """Whether a setting may be the one of a stage: it is, unless both are known to be of different APIs."""
        apis = [self._identified(each, "rest_api_id", 0) for each in (setting, stage)]
        return not all(apis) or apis[0] == apis[1]

    def _properties(self, each: _Planned, names: _Names) -> dict[str, Value]:
        found = {path: self._value(each, attribute) for path, attribute in names.items()}
        return {path: value for path, value in found.items() if value is not None}

    def _identified(self, each: _Planned, attribute: str, depth: int) -> str | None:
        """The resource of the plan that an id is the one of, whether it is named or written out."""
        expression = mapping_of(each.references.get(attribute))
        for name in (text_of(name) for name in elements_of(expression.get("references"))):
            if name and (found := self._referred(each, name, depth)):
                return found
        return self._ids.get(text_of(mapping_of(each.values).get(attribute)) or "")

    def _value(self, each: _Planned, attribute: str, depth: int = 0) -> Value | None:
        """What an attribute will be: its planned value, else the resource that it refers to."""
        path = attribute.split(".")
        value = _at(each.values, path)
        own = each.kind.startswith("aws_api_gateway_")
        if own and attribute in _IDS and (found := self._identified(each, attribute, depth)):
            return Known(f"${{{found}}}", each.place)
        if isinstance(value, Known) and value.value not in (None, [], {}):
            return value if text_of(value) not in ("-1",) else None
        expression = _at(Known(each.references, each.place), path)
        named = [text_of(name) for name in elements_of(mapping_of(expression).get("references"))]
        for name in named:
            if name and (found := self._referred(each, name, depth)):
                return Known(f"${{{found}}}", each.place)
        if named or _unknown(each.unknown, path):
            return Unknown(f"{attribute} is known after apply", each.place)
        return None

    def _referred(self, each: _Planned, name: str, depth: int) -> str | None:
        """The resource that an expression names, with the attribute where it is a root."""
        module = each.address.rpartition(".")[0].rpartition(".")[0]
        prefix = f"{module}." if module else ""
        parts = name.split(".")
        address = f"{prefix}{'.'.join(parts[:2])}"
        candidates = self._without_index.get(address, [])
        if address not in self._planned and len(candidates) != 1:
            return None
        chosen = address if address in self._planned else candidates[0]
        if parts[2:3] and parts[2] in _IDS and depth < _MOST_HOPS:  # the id of something else, which it knows
            return self._identified(self._planned[chosen], parts[2], depth + 1)
        return f"{chosen}.{'RootResourceId' if parts[2:3] == ['root_resource_id'] else 'Arn'}"

    def _documents(self, each: _Planned, properties: dict[str, Value]) -> None:
        """JSON in text: policies, and the OpenAPI document of an API."""
        for attribute, name in (("body", "Body"), ("policy", "PolicyDocument")):
            if each.kind == "aws_api_gateway_rest_api" and attribute == "policy":
                continue
            value = self._value(each, attribute)
            text = text_of(value)
            if isinstance(value, Unknown) or (text or "").startswith("${"):
                properties[name] = Unknown(f"{attribute} is known after apply", each.place)
            elif text is not None:
                try:
                    properties[name] = parsed(text.encode(), f"{each.place.file}, {each.address}", each.place)
                except UnreadableError as error:
                    properties[name] = Unknown(str(error), each.place)


def _nested(properties: Mapping[str, Value], place: Place) -> Value:
    """`A.B` as B within A."""
    nested: dict[str, Value] = {}
    inner: dict[str, dict[str, Value]] = {}
    for path, value in properties.items():
        name, _, rest = path.partition(".")
        if rest:
            inner.setdefault(name, {})[rest] = value
        else:
            nested[name] = value
    for name, entries in inner.items():
        nested.setdefault(name, Known(entries, next(iter(entries.values())).place))
    return Known(nested, place)


def _at(value: Value | None, path: list[str]) -> Value | None:
    for key in path:
        if isinstance(value, Known) and isinstance(value.value, list):
            value = value.value[0] if value.value else None
        value = mapping_of(value).get(key)
    return value


def _unknown(value: Value | None, path: list[str]) -> bool:
    """Whether a plan says that an attribute is known after apply."""
    for key in path:
        if text_of(value) == "true":
            return True
        value = _at(value, [key])
    return text_of(value) == "true"


def _roots(each: _Planned, attribute: str) -> frozenset[str]:
    """The resources that an attribute refers to, without what is asked of them."""
    names = elements_of(mapping_of(each.references.get(attribute)).get("references"))
    return frozenset(".".join((text_of(name) or "").split(".")[:2]) for name in names)


def _module(each: _Planned) -> str:
    return each.address.rpartition(".")[0].rpartition(".")[0]


def _belongs(integration: _Planned, method: _Planned) -> bool:
    """Whether an integration is the one of a method: it names it, or the same API, folder and verb."""
    if _module(integration) != _module(method):
        return False
    own = method.address.rpartition("[")[0] or method.address
    own = ".".join(own.split(".")[-2:])
    attributes = ("rest_api_id", "resource_id", "http_method")
    if any(own in _roots(integration, attribute) for attribute in attributes):
        return True
    verbs = [text_of(mapping_of(each.values).get("http_method")) for each in (integration, method)]
    return verbs[0] == verbs[1] and all(_alike(integration, method, each) for each in attributes[:2])


def _alike(one: _Planned, other: _Planned, attribute: str) -> bool:
    """Whether two resources have the same value there, or refer to the same resource."""
    values = [text_of(mapping_of(each.values).get(attribute)) for each in (one, other)]
    if all(values):
        return values[0] == values[1]
    return bool(_roots(one, attribute) & _roots(other, attribute))


def _replaced(each: _Planned, change: Value | None) -> Found | None:
    """A change of the tenancy setting that replaces a function."""
    for path in elements_of(mapping_of(mapping_of(change).get("change")).get("replace_paths")):
        names = [text_of(part) for part in elements_of(path)]
        if names[:1] == ["tenancy_config"]:
            return Found(each.address, "tenancy_config", each.place)
    return None
