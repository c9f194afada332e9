"""Resources, as CloudFormation names them and their properties, whichever source they come from → description."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tenantcheck.config.description import (
    TENANT_HEADER,
    Authorizer,
    CacheSetting,
    Caller,
    Description,
    Found,
    Function,
    Grant,
    LogGroup,
    Method,
    Stage,
)
from tenantcheck.config.scope import Scope
from tenantcheck.config.values import Known, Place, Unknown, Value, elements_of, settled, text_of, walked

FUNCTIONS = frozenset({"AWS::Lambda::Function", "AWS::Serverless::Function"})
#: Keys of conditions that can limit a statement to a tenant: what only demands TLS or a network does not.
_SCOPING = re.compile(
    r"PrincipalTag|ResourceTag|LeadingKeys|RequestTag|s3:prefix|sts:|EncryptionContext|saml|oidc|tenant", re.I
)
_UNTESTED = ("CapacityProviderConfig", "DurableConfig", "AcceleratorConfig")
_POLLED = frozenset(
    {"SQS", "Kinesis", "DynamoDB", "MSK", "SelfManagedKafka", "MQ", "DocumentDB"}
)  # event source mappings, by SAM's name of the event
_VERBS = frozenset(
    {"get", "put", "post", "delete", "options", "head", "patch", "any", "x-amazon-apigateway-any-method"}
)
_MISSPELT = re.compile(r"tenan(cy|t)_?(isolation)?_?(config(uration)?|mode)|tenant_?isolation|tenancy", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, with what Globals of SAM add to it."""

    id: str
    type: str
    place: Place
    properties: Value | None
    whole: Value | None = None
    """All that is written of it, its properties too; what Globals add is not in it."""
    replaced: Found | None = None


class Describer:
    """Makes the description of some resources."""

    def __init__(self, resources: Iterable[Resource], scope: Scope) -> None:
        self.scope = scope
        self.resources = {each.id: each for each in resources}
        self.description = Description(resources=len(self.resources))
        self._functions: dict[str, Function] = {}
        self._aliases = {
            each.id: self._at(each, "FunctionName") for each in self._of("AWS::Lambda::Alias", "AWS::Lambda::Version")
        }
        self._groups: dict[str, LogGroup] = {}

    def described(self) -> Description:
        """Functions first: the rest refers to them."""
        for resource in self._of(*FUNCTIONS):
            self._functions[resource.id] = self._function(resource)
        self.description.functions = [*self._functions.values()]
        for resource in self._of("AWS::Logs::LogGroup"):
            self._groups[resource.id] = self._log_group(resource)
        for resource in self.resources.values():
            self._beside(resource)
        self._methods()
        self._stages()
        self._join_groups()
        self.description.doubts += self.scope.doubts
        return self.description

    def _of(self, *types: str) -> Iterator[Resource]:
        return (resource for resource in self.resources.values() if resource.type in types)

    def _at(self, resource: Resource, *path: str) -> Value | None:
        return self.scope.at(resource.properties, *path)

    # functions

    def _function(self, resource: Resource) -> Function:
        if isinstance(self.scope.of(resource.properties), Unknown):
            self.description.doubts.append(f"{resource.id}: its properties are known at deployment only")
        function = Function(
            resource=resource.id,
            place=resource.place,
            name=self._at(resource, "FunctionName"),
            tenancy=settled(self._at(resource, "TenancyConfig", "TenantIsolationMode")),
            misplaced=[*self._misplaced(resource)],
            replaced=resource.replaced,
            log_format=settled(self._at(resource, "LoggingConfig", "LogFormat")),
            log_level=settled(self._at(resource, "LoggingConfig", "SystemLogLevel")),
            log_group=self._at(resource, "LoggingConfig", "LogGroup"),
            reserved=self._at(resource, "ReservedConcurrentExecutions"),
            role=self._at(resource, "Role"),
            snap_start=settled(self._at(resource, "SnapStart", "ApplyOn")),
            file_systems=self._at(resource, "FileSystemConfigs"),
        )
        for name in _UNTESTED:
            if (value := self._at(resource, name)) is not None:
                function.untested.append(Found(resource.id, name, value.place, value))
        for name, into in (
            ("ProvisionedConcurrencyConfig", function.provisioned),
            ("FunctionUrlConfig", function.urls),
        ):
            if (value := self._at(resource, name)) is not None:
                into.append(Found(resource.id, name, value.place, value))
        self._events(resource, function)
        function.grants += self._grants(resource, self._at(resource, "Policies"), "Policies")
        return function

    def _misplaced(self, resource: Resource) -> Iterator[Found]:
        """Tenancy settings that stand where nothing reads them."""
        for path, value in walked(resource.whole):
            name = path[-1]
            if not _MISSPELT.fullmatch(name) or path[:1] == ("Metadata",) or "Variables" in path or "Tags" in path:
                continue
            if path[:2] != ("Properties", "TenancyConfig"):
                yield Found(resource.id, ".".join(path), value.place, value)
        given = self._at(resource, "TenancyConfig")
        if isinstance(given, Known) and self.scope.at(given, "TenantIsolationMode") is None:
            yield Found(resource.id, "TenancyConfig", given.place, given)

    def _events(self, resource: Resource, function: Function) -> None:
        """Events of a function, as SAM has them."""
        for name, event in self.scope.entries(self._at(resource, "Events")).items():
            kind = text_of(self.scope.at(event, "Type"))
            found = Found(resource.id, f"Events.{name}", event.place, self.scope.at(event, "Type"))
            if kind in _POLLED:
                function.event_sources.append(found)
            elif kind == "HttpApi":
                function.http_apis.append(found)
            elif kind == "Api":
                self.description.methods.append(self._sam_method(f"{resource.id}.{name}", event, function))

    def _sam_method(self, name: str, event: Value, function: Function) -> Method:
        """A method that SAM makes of an event: it can't say what becomes the tenant."""
        auth = self.scope.at(event, "Properties", "Auth")
        return Method(
            resource=name,
            place=event.place,
            api=_named(self.scope.at(event, "Properties", "RestApiId")) or "ServerlessRestApi",
            verb=(text_of(self.scope.at(event, "Properties", "Method")) or "").upper() or None,
            path=text_of(self.scope.at(event, "Properties", "Path")),
            function=function,
            uri=None,
            authorization=Unknown("SAM makes its authorizer at deployment", event.place) if auth else None,
        )

    def called(self, value: Value | None) -> Function | None:
        """The function that a text names: its id, its ARN or its name."""
        text = text_of(self.scope.of(value))
        if text is None:
            return None
        for match in re.finditer(r"\$\{([A-Za-z0-9_.\[\]\"-]+?)(?:\.[A-Za-z]+)?\}", text):
            for known in (match[0][2:-1], match[1]):
                if known in self._functions:
                    return self._functions[known]
                if known in self._aliases:
                    return self._aliased(known)
        name = re.search(r":function:((?:\$\{[^}]*\}|[^/:])+)", text)
        wanted = name[1] if name else text.partition(":")[0] if re.fullmatch(r"[\w-]+:[\w$-]+", text) else text
        return next(
            (each for each in self._functions.values() if wanted in (text_of(each.name), each.resource)), None
        )

    def _aliased(self, name: str) -> Function | None:
        """The function that an alias or a version is one of."""
        target = self._aliases[name]
        named = _named(target)
        return None if named in self._aliases else self.called(target)

    # what stands beside functions

    def _beside(self, resource: Resource) -> None:
        if resource.type == "AWS::Serverless::Application" or resource.type.endswith("::MODULE"):
            self.description.doubts.append(f"{resource.id}: what is in it is known at deployment only")
        for path, part in walked(resource.whole):
            if path[-1].startswith(("Fn::Transform", "Fn::ForEach")):
                self.scope.doubt(Unknown(f"{resource.id}: {path[-1]} is known at deployment only", part.place))
        for name in _TARGETS.get(resource.type, ()):
            if isinstance(value := self._at(resource, name), Unknown):
                self.scope.doubt(Unknown(f"{resource.id}: which function it is for: {value.why}", value.place))
        handler = _BESIDE.get(resource.type)
        if handler is not None:
            handler(self, resource)

    def _url(self, resource: Resource) -> None:
        if function := self.called(self._at(resource, "TargetFunctionArn")):
            function.urls.append(Found(resource.id, "TargetFunctionArn", resource.place))

    def _event_source(self, resource: Resource) -> None:
        if function := self.called(self._at(resource, "FunctionName")):
            source = self._at(resource, "EventSourceArn")
            function.event_sources.append(Found(resource.id, "FunctionName", resource.place, source))

    def _provision(self, resource: Resource) -> None:
        value = self._at(resource, "ProvisionedConcurrencyConfig")
        function = self.called(self._at(resource, "FunctionName"))
        if function and value is not None:
            found = Found(resource.id, "ProvisionedConcurrencyConfig", value.place, value)
            function.provisioned.append(found)

    def _http_integration(self, resource: Resource) -> None:
        value = self._at(resource, "IntegrationUri")
        if (function := self.called(value)) and value is not None:
            function.http_apis.append(Found(resource.id, "IntegrationUri", value.place, value))

    def _http_target(self, resource: Resource) -> None:
        value = self._at(resource, "Target")
        if (function := self.called(value)) and value is not None:
            function.http_apis.append(Found(resource.id, "Target", value.place, value))
        self._http_body(resource, self._at(resource, "Body"))

    def _http_document(self, resource: Resource) -> None:
        self._http_body(resource, self._at(resource, "DefinitionBody"))

    def _http_body(self, resource: Resource, body: Value | None) -> None:
        """Integrations of an OpenAPI document of an HTTP API."""
        for path, item in self.scope.entries(self.scope.at(body, "paths")).items():
            for verb, operation in self.scope.entries(item).items():
                uri = self.scope.at(operation, "x-amazon-apigateway-integration", "uri")
                if (function := self.called(uri)) and uri is not None:
                    function.http_apis.append(Found(f"{resource.id} {verb.upper()} {path}", "uri", uri.place, uri))

    def _scaled(self, resource: Resource) -> None:
        """Provisioned concurrency that grows and shrinks."""
        value = self._at(resource, "ResourceId")
        if text_of(self._at(resource, "ServiceNamespace")) == "lambda" and value is not None:
            name = re.sub("^function:", ":function:", text_of(value) or "")
            function = self.called(Known(name, value.place))
            if function is None:
                self.scope.doubt(Unknown(f"{resource.id}: which function it is for is not known", value.place))
            else:
                function.provisioned.append(Found(resource.id, "ResourceId", value.place, value))

    def _permission(self, resource: Resource) -> None:
        function = self.called(self._at(resource, "FunctionName"))
        action = text_of(self._at(resource, "Action")) or ""
        if function and action in ("lambda:InvokeFunction", "lambda:*", "*"):
            principal = self._at(resource, "Principal")
            source = self._at(resource, "SourceArn")
            place = principal.place if principal is not None else resource.place
            found = Found(resource.id, "Principal", place, principal)
            function.callers.append(Caller(found=found, principal=principal, source=source))

    def _role(self, resource: Resource) -> None:
        """What a role of the template may do, for the functions that have it."""
        statements = self._grants(resource, self._at(resource, "ManagedPolicyArns"), "ManagedPolicyArns")
        for policy in self.scope.list(self._at(resource, "Policies")):
            statements += self._grants(resource, self.scope.at(policy, "PolicyDocument"), "Policies")
        self._granted(statements, resource.id)

    def _policy(self, resource: Resource) -> None:
        statements = self._grants(resource, self._at(resource, "PolicyDocument"), "PolicyDocument")
        roles = [*self.scope.list(self._at(resource, "Roles")), *self.scope.list(self._at(resource, "RoleName"))]
        for role in roles:
            self._granted(statements, _named(role) or self._role_called(text_of(role)))

    def _role_called(self, name: str | None) -> str:
        """The id of the role that has this name."""
        some = self._of("AWS::IAM::Role")
        return next((each.id for each in some if name and text_of(self._at(each, "RoleName")) == name), "")

    def _granted(self, statements: list[Grant], role: str) -> None:
        for function in self._functions.values():
            if role and _named(function.role) == role:
                function.grants += statements

    def _grants(self, resource: Resource, given: Value | None, name: str) -> list[Grant]:
        """Statements of policies, SAM's templates of policies among them."""
        found = []
        for policy in self.scope.list(given):
            statements = self.scope.list(self.scope.at(policy, "Statement"))
            for statement in statements:
                actions = [text_of(each) or "" for each in self.scope.list(self.scope.at(statement, "Action"))]
                if self.scope.at(statement, "NotAction") is not None:
                    actions.append("*")
                effect = text_of(self.scope.at(statement, "Effect"))
                if effect == "Allow":
                    where = Found(resource.id, name, statement.place)
                    conditions = any(
                        _SCOPING.search(path[-1]) for path, _ in walked(self.scope.at(statement, "Condition"))
                    )
                    found.append(Grant(found=where, actions=actions, conditions=conditions))
            if (managed := text_of(policy)) is not None:
                where = Found(resource.id, name, policy.place, policy)
                found.append(Grant(found=where, actions=[managed.rpartition("/")[2]], conditions=False))
                continue
            templates = {} if statements else self.scope.entries(policy)
            for template, value in templates.items():
                where = Found(resource.id, f"{name}.{template}", value.place)
                found.append(Grant(found=where, actions=[template], conditions=False))
        return found

    # REST APIs

    def _methods(self) -> None:
        for resource in self._of("AWS::ApiGateway::Method"):
            self.description.methods.append(self._method(resource))
        for resource in self._of("AWS::ApiGateway::RestApi"):
            self._open_api(resource, self._at(resource, "Body"), "BodyS3Location")
        for resource in self._of("AWS::Serverless::Api"):
            self._open_api(resource, self._at(resource, "DefinitionBody"), "DefinitionUri")
        self._without_twins()

    def _without_twins(self) -> None:
        """An event of SAM beside the same method in a document adds the permission only."""
        written = {(each.api, each.path, each.verb) for each in self.description.methods if each.uri is not None}
        self.description.methods = [
            each
            for each in self.description.methods
            if each.uri is not None or each.unknown is not None or (each.api, each.path, each.verb) not in written
        ]

    def _method(self, resource: Resource) -> Method:
        uri = self._at(resource, "Integration", "Uri")
        mapped = self.scope.entries(self._at(resource, "Integration", "RequestParameters"))
        return Method(
            resource=resource.id,
            place=resource.place,
            api=_api(self._at(resource, "RestApiId")),
            verb=(text_of(self._at(resource, "HttpMethod")) or "").upper() or None,
            path=self._path(self._at(resource, "ResourceId")),
            function=self.called(uri),
            uri=uri,
            authorization=settled(self._at(resource, "AuthorizationType")),
            authorizer=self._authorizer(resource),
            parameters=self.scope.entries(self._at(resource, "RequestParameters")),
            mapping=_mapping(mapped),
            validated=self._validated(self._at(resource, "RequestValidatorId")),
            cache_keys=self.scope.list(self._at(resource, "Integration", "CacheKeyParameters")),
            unknown=_unread(
                uri, self._at(resource, "Integration"), self._at(resource, "Integration", "RequestParameters")
            ),
            overridden=self._overridden(resource.id, self._at(resource, "Integration", "RequestTemplates")),
        )

    def _path(self, resource_id: Value | None) -> str | None:
        """The path of a method, from the folders of its API."""
        parts: list[str] = []
        while len(parts) < 40:
            text = text_of(resource_id) or ""
            if text.endswith(".RootResourceId}"):
                return "/" + "/".join(reversed(parts))
            folder = self.resources.get(_named(resource_id) or "")
            part = text_of(self._at(folder, "PathPart")) if folder else None
            if folder is None or part is None:
                return None
            parts.append(part)
            resource_id = self._at(folder, "ParentId")
        return None

    def _authorizer(self, method: Resource) -> Authorizer | None:
        """The authorizer of a method; one that is not in the template can't be told."""
        value, kind = self._at(method, "AuthorizerId"), text_of(self._at(method, "AuthorizationType"))
        resource = self.resources.get(_named(value) or "")
        if resource is not None and resource.type == "AWS::ApiGateway::Authorizer":
            return self._as_authorizer(
                resource.id,
                resource.place,
                settled(self._at(resource, "Type")),
                self._at(resource, "IdentitySource"),
                settled(self._at(resource, "AuthorizerResultTtlInSeconds")),
            )
        if value is None and kind != "CUSTOM":
            return None
        unknown = Unknown("its authorizer is not in the template", value.place if value else method.place)
        return Authorizer(
            resource=f"the authorizer of {method.id}",
            place=unknown.place,
            kind=unknown,
            sources=[unknown],
            seconds=unknown,
        )

    def _overridden(self, name: str, templates: Value | None) -> Found | None:
        """A request template that may set the tenant itself."""
        for key, value in self.scope.entries(templates).items():
            text = text_of(value)
            if text is None or "requestOverride" in text:
                return Found(name, f"Integration.RequestTemplates.{key}", value.place)
        return None

    @staticmethod
    def _as_authorizer(
        name: str, place: Place, kind: Value | None, source: Value | None, seconds: Value | None
    ) -> Authorizer:
        text = text_of(source)
        if text is None:
            sources = [*elements_of(source)]
        else:
            sources = [Known(part.strip(), place) for part in text.split(",") if part.strip()]
        return Authorizer(resource=name, place=place, kind=kind, sources=sources, seconds=seconds)

    def _validated(self, value: Value | None) -> Value | None:
        resource = self.resources.get(_named(value) or "")
        if resource is not None:
            return settled(self._at(resource, "ValidateRequestParameters"))
        return Unknown("its validator is not in the template", value.place) if value is not None else None

    def _open_api(self, resource: Resource, body: Value | None, elsewhere: str) -> None:
        """Methods of an OpenAPI document."""
        if self._at(resource, elsewhere) is not None or isinstance(body, Unknown):
            self.description.doubts.append(f"{resource.id}: its OpenAPI document is not in the template")
        schemes = self.scope.entries(
            self.scope.at(body, "securityDefinitions") or self.scope.at(body, "components", "securitySchemes")
        )
        validators = self.scope.at(body, "x-amazon-apigateway-request-validators")
        default = self.scope.at(body, "x-amazon-apigateway-request-validator")
        if self._at(resource, "CloneFrom") is not None or text_of(body) is not None:
            self.description.doubts.append(f"{resource.id}: its methods are not in the template")
        self.scope.entries(body)
        for path, item in self.scope.entries(self.scope.at(body, "paths")).items():
            for verb, operation in self.scope.entries(item).items():
                if verb == "$ref":
                    self.description.doubts.append(f"{resource.id} {path}: it is described elsewhere ($ref)")
                if verb.lower() not in _VERBS:
                    continue
                method = self._operation(resource, path, verb, operation)
                method.authorization, method.authorizer = self._security(resource, body, operation, schemes)
                validator = self.scope.at(operation, "x-amazon-apigateway-request-validator") or default
                if (name := text_of(validator)) is not None:
                    method.validated = self.scope.at(validators, name, "validateRequestParameters")
                self.description.methods.append(method)

    def _operation(self, resource: Resource, path: str, verb: str, operation: Value) -> Method:
        integration = self.scope.at(operation, "x-amazon-apigateway-integration")
        uri = self.scope.at(integration, "uri")
        shown = "ANY" if verb.lower().endswith("any-method") else verb.upper()
        required = {}
        for parameter in self.scope.list(self.scope.at(operation, "parameters")):
            place, name = (text_of(self.scope.at(parameter, key)) or "" for key in ("in", "name"))
            given = self.scope.at(parameter, "required") or Known("false", parameter.place)
            required[f"method.request.{'querystring' if place == 'query' else place}.{name}"] = given
        mapped = self.scope.at(integration, "requestParameters")
        return Method(
            resource=f"{resource.id} {shown} {path}",
            place=operation.place,
            api=resource.id,
            verb=shown,
            path=path,
            function=self.called(uri),
            uri=uri,
            authorization=None,
            parameters=required,
            mapping=_mapping(self.scope.entries(mapped)),
            cache_keys=self.scope.list(self.scope.at(integration, "cacheKeyParameters")),
            unknown=_unread(uri, integration, mapped),
            overridden=self._overridden(
                f"{resource.id} {shown} {path}", self.scope.at(integration, "requestTemplates")
            ),
        )

    def _security(
        self, resource: Resource, body: Value | None, operation: Value, schemes: Mapping[str, Value]
    ) -> tuple[Value | None, Authorizer | None]:
        """Who is asked before a method is called."""
        security = self.scope.at(operation, "security") or self.scope.at(body, "security")
        ways = [[*self.scope.entries(each)] for each in self.scope.list(security)]
        if len(ways) > 1:
            return Unknown("one of several ways to be let in is enough", operation.place), None
        names = sorted(ways[0] if ways else (), key=lambda name: not self._asks(schemes.get(name)))
        if not names:
            auth = self._at(resource, "Auth")
            return (Unknown("SAM makes its authorizer at deployment", auth.place) if auth else None), None
        scheme = schemes.get(names[0])
        if scheme is None:
            return Unknown(f"the security scheme {names[0]} is not in the document", operation.place), None
        auth = self.scope.at(scheme, "x-amazon-apigateway-authorizer")
        kind = text_of(self.scope.at(scheme, "x-amazon-apigateway-authtype"))
        if auth is None:
            if kind == "awsSigv4":
                return Known("AWS_IAM", scheme.place), None
            return None, None  # an API key says nothing about who calls
        source = self.scope.at(auth, "identitySource")
        if source is None and (name := text_of(self.scope.at(scheme, "name"))):
            source = Known(f"method.request.header.{name}", scheme.place)
        authorizer = self._as_authorizer(
            f"{resource.id} {names[0]}",
            scheme.place,
            self.scope.at(auth, "type"),
            source,
            self.scope.at(auth, "authorizerResultTtlInSeconds"),
        )
        return Known("CUSTOM", scheme.place), authorizer

    def _asks(self, scheme: Value | None) -> bool:
        """Whether a security scheme asks somebody who calls."""
        kinds = ("x-amazon-apigateway-authorizer", "x-amazon-apigateway-authtype")
        return any(self.scope.at(scheme, kind) is not None for kind in kinds)

    def _stages(self) -> None:
        for resource in self._of("AWS::ApiGateway::Stage", "AWS::Serverless::Api"):
            named = _api(self._at(resource, "RestApiId"))
            api = resource.id if resource.type == "AWS::Serverless::Api" else named
            self._stage(
                resource, api, self._at(resource, "CacheClusterEnabled"), self._at(resource, "MethodSettings")
            )
        for resource in self._of("AWS::ApiGateway::Deployment"):
            told = self._at(resource, "StageDescription")
            if told is not None or self._at(resource, "StageName") is not None:
                api = _api(self._at(resource, "RestApiId"))
                described = self._stage(
                    resource, api, self.scope.at(told, "CacheClusterEnabled"), self.scope.at(told, "MethodSettings")
                )
                if (whole := self.scope.at(told, "CachingEnabled")) is not None:
                    described.settings = [*described.settings, CacheSetting(None, None, whole, whole.place)]

    def _stage(self, resource: Resource, api: str | None, cluster: Value | None, settings: Value | None) -> Stage:
        some = [
            CacheSetting(
                self.scope.at(each, "ResourcePath"),
                self.scope.at(each, "HttpMethod"),
                settled(self.scope.at(each, "CachingEnabled")),
                each.place,
            )
            for each in self.scope.list(settings)
        ]
        stage = Stage(resource=resource.id, place=resource.place, api=api, cluster=settled(cluster), settings=some)
        self.description.stages.append(stage)
        return stage

    # log groups

    def _log_group(self, resource: Resource) -> LogGroup:
        policy = self._at(resource, "DataProtectionPolicy")
        masking = None if policy is None else Found(resource.id, "DataProtectionPolicy", policy.place)
        kind = self._at(resource, "LogGroupClass")
        return LogGroup(resource=resource.id, place=resource.place, kind=kind, masking=masking)

    def _transformer(self, resource: Resource) -> None:
        value = self._at(resource, "LogGroupIdentifier")
        group = self._groups.get(_named(value) or "") or self._group_called(text_of(value))
        if group is None and (name := text_of(value)):  # the group of a function that makes it by itself
            group = LogGroup(resource=name, place=resource.place)
            self._groups[name] = group
        if group is not None:
            group.transformer = Found(resource.id, "TransformerConfig", resource.place)

    def _group_called(self, name: str | None) -> LogGroup | None:
        some = self._groups.values()
        return next((each for each in some if name and self._name_of(each) == name), None)

    def _name_of(self, group: LogGroup) -> str | None:
        if group.resource not in self.resources:
            return group.resource
        return text_of(self._at(self.resources[group.resource], "LogGroupName"))

    def _join_groups(self) -> None:
        """Log groups to the functions that write them."""
        for function in self._functions.values():
            ids = {function.resource, text_of(function.name)} - {None}
            names = {f"/aws/lambda/{each}" for each in ids} | {f"/aws/lambda/${{{function.resource}}}"}
            for group in self._groups.values():
                if function.log_group is None:
                    joined = self._name_of(group) in names
                else:
                    chosen = _named(function.log_group), text_of(function.log_group)
                    joined = group.resource in chosen or self._name_of(group) in chosen[1:]
                if joined:
                    function.groups.append(group)


def _named(value: Value | None) -> str | None:
    """The id of the resource that a value refers to."""
    match = re.fullmatch(r"\$\{(.+?)(?:\.[A-Za-z]+)?\}", text_of(value) or "")
    return match[1] if match else None


def _unread(uri: Value | None, *parts: Value | None) -> Unknown | None:
    """Why an integration can't be read: a part of it is unknown, or a variable of the stage names its function."""
    for each in (uri, *parts):
        if isinstance(each, Unknown):
            return each
    if uri is None or "stageVariables" not in (text_of(uri) or ""):
        return None
    return Unknown("a variable of the stage names the function that it calls", uri.place)


def _api(value: Value | None) -> str | None:
    """The API that something is of; None where that can't be told."""
    return _named(value) or text_of(value)


def _mapping(mapped: Mapping[str, Value]) -> Value | None:
    """What becomes the tenant. Names of headers know no case."""
    found = [value for name, value in mapped.items() if name.lower() == TENANT_HEADER]
    if len(found) > 1:
        return Unknown("X-Amz-Tenant-Id is mapped twice", found[0].place)
    return found[0] if found else None


#: Where a resource says which function it is for.
_TARGETS = {
    "AWS::Lambda::Url": ("TargetFunctionArn",),
    "AWS::Lambda::EventSourceMapping": ("FunctionName",),
    "AWS::Lambda::Permission": ("FunctionName",),
    "AWS::Lambda::Alias": ("FunctionName",),
    "AWS::Lambda::Version": ("FunctionName",),
    "AWS::ApiGatewayV2::Integration": ("IntegrationUri",),
    "AWS::ApiGatewayV2::Api": ("Target",),
}
_BESIDE = {
    "AWS::ApiGatewayV2::Api": Describer._http_target,
    "AWS::Serverless::HttpApi": Describer._http_document,
    "AWS::ApplicationAutoScaling::ScalableTarget": Describer._scaled,
    "AWS::Lambda::Url": Describer._url,
    "AWS::Lambda::EventSourceMapping": Describer._event_source,
    "AWS::Lambda::Version": Describer._provision,
    "AWS::Lambda::Alias": Describer._provision,
    "AWS::ApiGatewayV2::Integration": Describer._http_integration,
    "AWS::Lambda::Permission": Describer._permission,
    "AWS::IAM::Role": Describer._role,
    "AWS::IAM::Policy": Describer._policy,
    "AWS::IAM::ManagedPolicy": Describer._policy,
    "AWS::IAM::RolePolicy": Describer._policy,
    "AWS::Logs::Transformer": Describer._transformer,
}
