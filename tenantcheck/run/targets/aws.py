"""Credentials and regions of AWS, and its signatures, by boto3 and botocore."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from msgspec import structs

from tenantcheck.aws import patient_client, translated
from tenantcheck.errors import TargetError, UsageError
from tenantcheck.model.call import Call

T = TypeVar("T")


class AwsOptions(NamedTuple):
    """Where AWS is asked, and as whom."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    made_up: bool = False
    """Sign with made-up credentials, whatever the environment says: for the lab, which checks none."""


class InvokeTemplate(NamedTuple):
    """What boto3 makes of an Invoke call, before signing."""

    url: str
    headers: tuple[tuple[str, str], ...]
    service: str
    region: str


class AwsSession:
    """Credentials of the run and of single tenants, frozen wave by wave. Raises `TargetError`, `UsageError`."""

    def __init__(self, options: AwsOptions) -> None:
        import boto3

        self._options = options
        _refuse_endpoint(options.endpoint_url)
        with translated():
            if options.made_up:
                self._session = _made_up_session(options)
            else:
                # AWS_REGION as the AWS CLI takes it; boto3 knows AWS_DEFAULT_REGION only.
                region = options.region or os.environ.get("AWS_REGION")
                self._session = boto3.Session(profile_name=options.profile, region_name=region)
            self._credentials = self._session.get_credentials()
        self._frozen: Any = None
        self._profiles: dict[str, Any] = {}

    @property
    def options(self) -> AwsOptions:
        """What the user said of where and as whom."""
        return self._options

    @property
    def region(self) -> str | None:
        name: str | None = self._session.region_name
        return name

    async def refresh(self) -> None:
        """Freeze the credentials; those about to expire are fetched anew."""
        with translated():
            self._frozen = await in_thread(self._freeze)

    def secret_values(self) -> tuple[str, ...]:
        """What requests are signed with, of all whose credentials were looked up so far."""
        profiles = [each.get_frozen_credentials() for each in self._profiles.values() if each is not None]
        frozen = [each for each in (self._frozen, *profiles) if each is not None]
        return tuple(
            value for each in frozen for value in (each.access_key, each.secret_key, each.token) if value is not None
        )

    def _freeze(self) -> Any:
        from botocore.exceptions import NoCredentialsError

        if self._credentials is None:
            raise NoCredentialsError
        return self._credentials.get_frozen_credentials()

    def sign(self, call: Call, service: str, region: str, own: Mapping[str, str]) -> Call:
        """Sign one call with SigV4, with the tenant's own AWS credentials where it has some."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method=call.method, url=call.url, data=call.body, headers=dict(call.headers))
        with translated():
            SigV4Auth(self._signing(own), service, region).add_auth(request)
        return structs.replace(call, headers=tuple(request.headers.items()))

    def _signing(self, own: Mapping[str, str]) -> Any:
        """The credentials to sign with: a tenant's own, or those of the run."""
        with translated():
            credentials = self._own(own) if own else self._frozen
            return credentials if credentials is not None else self._freeze()

    def _own(self, own: Mapping[str, str]) -> Any:
        from botocore.credentials import Credentials
        from botocore.exceptions import NoCredentialsError

        if profile := own.get("aws_profile"):
            if profile not in self._profiles:
                import boto3

                self._profiles[profile] = boto3.Session(profile_name=profile).get_credentials()
            if self._profiles[profile] is None:
                raise NoCredentialsError
            return self._profiles[profile].get_frozen_credentials()
        return Credentials(
            own.get("aws_access_key_id", ""), own.get("aws_secret_access_key", ""), own.get("aws_session_token")
        )

    def client(self, service: str) -> Any:
        """boto3's client of a service that is only read."""
        return patient_client(self._session, service, self._options.endpoint_url)

    def invoke_template(self, function: str, qualifier: str | None) -> InvokeTemplate:
        """What boto3 sends for Invoke: endpoint (FIPS, dual-stack, variables), path and headers.

        boto3 builds and signs a request that never leaves: a handler of its `before-send` event answers it.
        """
        from botocore.awsrequest import AWSPreparedRequest, AWSResponse
        from botocore.compat import HTTPHeaders
        from botocore.config import Config

        captured: list[AWSPreparedRequest] = []

        def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
            captured.append(request)
            return AWSResponse(request.url, 200, HTTPHeaders(), _Empty())

        with translated():
            client = self._session.client(
                "lambda",
                endpoint_url=self._options.endpoint_url,
                config=Config(retries={"total_max_attempts": 1}),
            )
            client.meta.events.register("before-send.lambda.Invoke", answer)
            arguments: dict[str, Any] = {"Qualifier": qualifier} if qualifier else {}
            client.invoke(FunctionName=function, TenantId="template", LogType="Tail", Payload=b"{}", **arguments)
        request = captured[0]
        headers = {
            name: value if isinstance(value, str) else bytes(value).decode()
            for name, value in request.headers.items()
        }
        scope = re.search(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request", headers["Authorization"])
        if scope is None:
            raise TargetError("boto3 did not sign the request with SigV4", "Look at the AWS configuration.")
        kept = tuple((name, value) for name, value in headers.items() if name.lower() not in _PER_REQUEST)
        return InvokeTemplate(request.url, kept, scope.group(2), scope.group(1))


def _refuse_endpoint(url: str | None) -> None:
    """Raises `UsageError`, which does not quote it, for an endpoint that can't be read, or that carries a user: a
    client would sign in as that one, instead of by SigV4."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise UsageError("--endpoint-url is no URL", "Write http://host:port or https://host.")
    if "@" in url or parts.query or parts.fragment:
        raise UsageError(
            "--endpoint-url has a user, a password or a query", "Invoke signs its requests: name host and port only."
        )


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread that nobody has to wait for: what fetches credentials may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            problem = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, daemon=True).start()
    return await done


def _made_up_session(options: AwsOptions) -> Any:
    import boto3
    import botocore.session

    # No profile is looked up: the caller's AWS_PROFILE has no say.
    core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    return boto3.Session("lab", "lab", region_name=options.region, botocore_session=core)


#: Made anew for every request, or by the sender.
_PER_REQUEST = {
    "authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-tenant-id",
    "x-amz-content-sha256",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "content-length",
    "user-agent",
}


class _Empty:
    """A response body with nothing in it."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"

    def read(self, *_: object) -> bytes:
        return b""


class ApiSigner:
    """Signs requests to an IAM-authorised API Gateway API.

    The region is `region`, else the one in the URL's host name, else as boto3 finds it. Raises `TargetError`
    when there is none.
    """

    def __init__(self, session: AwsSession, url: str, region: str | None) -> None:
        found = region or region_of_url(url) or session.region
        if found is None:
            raise TargetError("--aws-sigv4: no AWS region is known", "Name --region, or set AWS_REGION.")
        self._session = session
        self._region = found

    async def refresh(self) -> None:
        """Freeze credentials for the next wave."""
        await self._session.refresh()

    def secret_values(self) -> tuple[str, ...]:
        """What requests are signed with."""
        return self._session.secret_values()

    def sign(self, call: Call, own: Mapping[str, str]) -> Call:
        """The call with its signature."""
        return self._session.sign(call, "execute-api", self._region, own)


def region_of_url(url: str) -> str | None:
    """The region in the host name of an API Gateway endpoint, if it is one."""
    match = re.fullmatch(
        r"[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?", urlsplit(url).hostname or ""
    )
    return match.group(1) if match else None
