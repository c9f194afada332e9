"""One description of what is configured, whichever source it comes from: rules look at nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tenantcheck.config.values import Place, Unknown, Value, text_of

PER_TENANT = "PER_TENANT"
#: What API Gateway knows of a request, and every caller chooses.
CHOSEN = frozenset({"context.identity.userAgent", "context.domainName", "context.domainPrefix", "context.path"})
TENANT_HEADER = "integration.request.header.x-amz-tenant-id"


class Found(NamedTuple):
    """Something that stands somewhere."""

    resource: str
    property: str
    place: Place
    value: Value | None = None


@dataclass(kw_only=True)
class Function:
    """A Lambda function."""

    resource: str
    """Its logical id, its address, or its name where it is live."""
    place: Place
    name: Value | None = None
    tenancy: Value | None = None
    """TenantIsolationMode; None: it is not there."""
    misplaced: Sequence[Found] = ()
    """Tenancy settings where they are dropped without a word."""
    replaced: Found | None = None
    """A change that replaces it."""
    log_format: Value | None = None
    log_level: Value | None = None
    log_group: Value | None = None
    reserved: Value | None = None
    role: Value | None = None
    snap_start: Value | None = None
    file_systems: Value | None = None
    provisioned: list[Found] = field(default_factory=list)
    urls: list[Found] = field(default_factory=list)
    event_sources: list[Found] = field(default_factory=list)
    http_apis: list[Found] = field(default_factory=list)
    untested: list[Found] = field(default_factory=list)
    """What nobody documents beside tenant isolation."""
    callers: list[Caller] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    """What its own role may do."""
    groups: list[LogGroup] = field(default_factory=list)

    @property
    def isolated(self) -> bool | None:
        """Whether it runs in tenant isolation mode; None where that can't be told."""
        if self.tenancy is None:
            return False
        return None if isinstance(self.tenancy, Unknown) else text_of(self.tenancy) == PER_TENANT


@dataclass(kw_only=True)
class Caller:
    """Somebody who may invoke a function."""

    found: Found
    principal: Value | None
    source: Value | None
    """The one resource that may, where there is one."""


@dataclass(kw_only=True)
class Grant:
    """One statement of a policy."""

    found: Found
    actions: Sequence[str]
    conditions: bool


@dataclass(kw_only=True)
class Authorizer:
    """An authorizer of a REST API."""

    resource: str
    place: Place
    kind: Value | None
    sources: Sequence[Value]
    """Its identity sources."""
    seconds: Value | None
    """How long its result is cached; None: 300."""


@dataclass(kw_only=True)
class Method:
    """A method of a REST API that calls a function."""

    resource: str
    place: Place
    api: str | None
    """None: it can't be told."""
    verb: str | None = None
    path: str | None = None
    function: Function | None
    uri: Value | None
    authorization: Value | None
    """NONE, AWS_IAM, CUSTOM or COGNITO_USER_POOLS; None: nobody is asked."""
    authorizer: Authorizer | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """What of a request is mapped or required."""
    mapping: Value | None = None
    """What becomes the tenant."""
    validated: Value | None = None
    """Whether parameters are validated."""
    cache_keys: Sequence[Value] = ()
    unknown: Value | None = None
    """Why its integration can't be read, where it can't."""
    overridden: Found | None = None
    """A request template that sets headers itself."""

    @property
    def source(self) -> str | None:
        """What becomes the tenant, as text."""
        return text_of(self.mapping)

    @property
    def from_request(self) -> bool:
        """Whether a parameter of the request says who the tenant is."""
        return (self.source or "").startswith("method.request.")

    @property
    def from_client(self) -> bool:
        """Whether the caller says who the tenant is."""
        return self.from_request or self.source in CHOSEN


class CacheSetting(NamedTuple):
    """Whether answers of some methods are cached."""

    path: Value | None
    verb: Value | None
    enabled: Value | None
    place: Place


@dataclass(kw_only=True)
class Stage:
    """A stage of a REST API."""

    resource: str
    place: Place
    api: str | None
    """None: it can't be told."""
    cluster: Value | None
    """Whether it has a cache at all."""
    settings: Sequence[CacheSetting] = ()


@dataclass(kw_only=True)
class LogGroup:
    """A log group."""

    resource: str
    place: Place
    kind: Value | None = None
    """Its class."""
    masking: Found | None = None
    transformer: Found | None = None


@dataclass(kw_only=True)
class Description:
    """Everything that rules look at."""

    functions: list[Function] = field(default_factory=list)
    methods: list[Method] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    resources: int = 0
    expected: frozenset[str] = frozenset()
    """Functions that should be isolated, by what they are called."""
    tenants: int | None = None
    """How many tenants there will be, where somebody says."""
    denied: Mapping[str, str] = field(default_factory=dict)
    """Why rules could not be looked at, by rule: an action that was denied."""
    doubts: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def isolated(self) -> list[Function]:
        """Functions in tenant isolation mode."""
        return [function for function in self.functions if function.isolated]

    @property
    def mapped(self) -> list[Method]:
        """Methods of isolated functions, and others that name a tenant."""
        return [
            method
            for method in self.methods
            if method.mapping is not None
            or method.unknown is not None
            or (method.function is not None and method.function.isolated is not False)
        ]


def expected(function: Function, names: frozenset[str]) -> bool:
    """Whether somebody said that this function should be isolated."""
    return "*" in names or function.resource in names or text_of(function.name) in names
