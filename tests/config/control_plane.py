"""AWS's control plane as an unmodified boto3 sees it: one function, one API, one log group."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ARN = "arn:aws:lambda:eu-west-1:123456789012:function"


def configuration(name: str) -> dict[str, Any]:
    return {
        "FunctionName": name,
        "FunctionArn": f"{ARN}:{name}",
        "Role": "arn:aws:iam::123456789012:role/r",
        "MemorySize": 256,
        "Environment": {"Variables": {"PASSWORD": "hunter2"}},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "INFO", "LogGroup": f"/aws/lambda/{name}"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    }


def rest_api(name: str) -> dict[str, Any]:
    """As API Gateway answers, in four calls."""
    uri = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{ARN}:{name}/invocations"
    method = {
        "httpMethod": "GET",
        "authorizationType": "CUSTOM",
        "authorizerId": "auth1",
        "requestParameters": {"method.request.header.Authorization": True},
        "methodIntegration": {
            "type": "AWS_PROXY",
            "uri": uri,
            "requestParameters": {"integration.request.header.X-Amz-Tenant-Id": "context.authorizer.tenantId"},
            "cacheKeyParameters": ["method.request.header.Authorization"],
        },
    }
    return {
        "id": "api1",
        "name": "orders",
        "resources": [
            {"id": "root", "path": "/"},
            {"id": "folder", "path": "/orders/list", "resourceMethods": {"GET": method}},
        ],
        "stages": [
            {
                "stageName": "prod",
                "cacheClusterEnabled": True,
                "methodSettings": {"*/*": {"cachingEnabled": True}},
            }
        ],
        "authorizers": [
            {
                "id": "auth1",
                "type": "TOKEN",
                "identitySource": "method.request.header.Authorization",
                "authorizerResultTtlInSeconds": 60,
            }
        ],
        "validators": [],
    }


def policy(principal: object, **condition: object) -> str:
    statement = {"Sid": "api", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Principal": principal}
    return json.dumps({"Statement": [statement | ({"Condition": condition} if condition else {})]})


class World:
    """What is there; tests change it."""

    def __init__(self, name: str = "orders") -> None:
        self.name = name
        self.configurations = {name: configuration(name)}
        self.api = rest_api(name)
        self.policy: str | None = policy(
            {"Service": "apigateway.amazonaws.com"},
            ArnLike={"AWS:SourceArn": "arn:aws:execute-api:eu-west-1:1:api1/*"},
        )
        self.urls: list[dict[str, Any]] = []
        self.group: dict[str, Any] = {"logGroupName": f"/aws/lambda/{name}", "logGroupClass": "STANDARD"}
        self.denied: set[str] = set()
        self.asked: list[str] = []
        self.page = 1_000

    def answer(self, path: str, target: str, body: dict[str, Any], query: str) -> tuple[int, dict[str, Any]]:
        action, found = self._found(path, target, body, query)
        self.asked.append(action)
        if action in self.denied:
            return 403, {"__type": "AccessDeniedException", "message": "no"}
        if found is None:
            return 404, {"__type": "ResourceNotFoundException", "message": "not there"}
        return 200, found

    def _found(self, path: str, target: str, body: dict[str, Any], query: str) -> tuple[str, dict[str, Any] | None]:
        del body
        if target:
            operation = target.rpartition(".")[2]
            answers: dict[str, dict[str, Any] | None] = {
                "DescribeLogGroups": {"logGroups": [self.group]},
                "DescribeAccountPolicies": {"accountPolicies": []},
                "GetTransformer": {},
            }
            return f"logs:{operation}", answers[operation]
        if path.startswith("/restapis"):
            part = path.rpartition("/")[2]
            wanted = {
                "stages": ("item", "stages"),
                "authorizers": ("item", "authorizers"),
                "resources": ("item",) * 2,
            }
            if part == "restapis":
                return "apigateway:GET", {"item": [{"id": "api1", "name": "orders"}]}
            key = {"requestvalidators": "validators"}.get(part, part)
            return "apigateway:GET", {wanted.get(part, ("item",))[0]: self.api[key]}
        if path.startswith("/v2/apis"):
            return "apigateway:GET", {"items": []}
        return self._lambda(path, query)

    def _lambda(self, path: str, query: str) -> tuple[str, dict[str, Any] | None]:
        if path.endswith("/event-source-mappings"):
            return "lambda:ListEventSourceMappings", {"EventSourceMappings": []}
        parts = path.strip("/").split("/")
        if len(parts) == 2:
            start = int(query.partition("Marker=")[2].partition("&")[0] or 0)
            some = [*self.configurations.values()]
            more = {"NextMarker": str(start + self.page)} if start + self.page < len(some) else {}
            return "lambda:ListFunctions", {"Functions": some[start : start + self.page]} | more
        own = self.configurations.get(parts[2])
        return {
            "configuration": ("lambda:GetFunctionConfiguration", own),
            "policy": ("lambda:GetPolicy", {"Policy": self.policy} if self.policy else None),
            "urls": ("lambda:ListFunctionUrlConfigs", {"FunctionUrlConfigs": self.urls}),
            "provisioned-concurrency": (
                "lambda:ListProvisionedConcurrencyConfigs",
                {"ProvisionedConcurrencyConfigs": []},
            ),
            "concurrency": ("lambda:GetFunctionConcurrency", {}),
        }[parts[3]]


@contextmanager
def served(world: World) -> Iterator[str]:
    """The URL of a server that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            body = json.loads(content) if content else {}
            status, told = world.answer(path, self.headers.get("X-Amz-Target") or "", body, query)
            answer = json.dumps(copy.deepcopy(told)).encode()
            self.send_response(status)
            if status != 200:
                self.send_header("x-amzn-ErrorType", told["__type"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _answer  # noqa: N815 - names of the standard library

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def snapshot(name: str) -> dict[str, Any]:
    """What `inspect` keeps of it."""
    known = configuration(name)
    del known["Environment"]
    return {
        "format": "tenantcheck-configuration",
        "version": 1,
        "functions": [
            {
                "configuration": known,
                "policy": json.loads(World(name).policy or "{}")["Statement"],
                "reserved": None,
                "urls": [],
                "provisioned": [],
                "event_sources": [],
            }
        ],
        "apis": [rest_api(name)],
        "http_apis": [],
        "log_groups": [
            {
                "name": f"/aws/lambda/{name}",
                "class": "STANDARD",
                "retention": None,
                "masked": False,
                "transformed": False,
            }
        ],
        "account_policies": [],
        "denied": [],
    }
