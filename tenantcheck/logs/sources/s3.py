"""Objects in S3, read as they stand: a prefix names all under it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO, cast

from tenantcheck.aws import ReadingOptions, code_of, reading_client, translated
from tenantcheck.errors import TargetError

#: Where S3 is asked, and as whom: known to every process of a pool.
_VARIABLES = ("TENANTCHECK_AUDIT_REGION", "TENANTCHECK_AUDIT_PROFILE", "TENANTCHECK_AUDIT_ENDPOINT_URL")


def ask_as(options: ReadingOptions) -> None:
    """Remember where S3 is asked, for this process and those that it starts."""
    for name, value in zip(_VARIABLES, options, strict=True):
        if value is not None:
            os.environ[name] = value
    _client.cache_clear()


@cache
def _client() -> Any:
    return reading_client("s3", ReadingOptions(*(os.environ.get(name) for name in _VARIABLES)))


def _parted(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def objects_in(uri: str) -> Iterator[str]:
    """The objects under a prefix. Raises `TargetError`."""
    from botocore.exceptions import ClientError

    bucket, prefix = _parted(uri)
    found = False
    try:
        with translated():
            for page in _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for each in page.get("Contents", ()):
                    if not each["Key"].endswith(("/", "/aws-logs-write-test")):
                        found = True
                        yield f"s3://{bucket}/{each['Key']}"
    except ClientError as error:
        raise TargetError(
            f"{uri} can't be listed: {code_of(error)}",
            "It needs s3:ListBucket on the bucket, s3:GetObject on the objects.",
        ) from error
    if not found:
        raise TargetError(f"there is nothing under {uri}", "Look at bucket and prefix.")


@contextmanager
def opened(uri: str) -> Iterator[BinaryIO]:
    """The body of an object, as it comes. Raises `TargetError`."""
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, key = _parted(uri)
    try:
        with translated():
            body = _client().get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        raise TargetError(f"{uri} can't be read: {code_of(error)}", "It needs s3:GetObject.") from error
    try:
        yield cast(BinaryIO, body)
    except BotoCoreError as error:  # while it is read
        raise TargetError(f"{uri} can't be read to its end: {type(error).__name__}", "Try again.") from error
    finally:
        body.close()
