"""AWS's client, boto3, for what is only read; and its exceptions as this program's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tenantcheck.errors import TargetError, UsageError


class ReadingOptions(NamedTuple):
    """Where AWS is asked, and as whom."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None


@contextmanager
def translated() -> Iterator[None]:
    """botocore's exceptions as this program's, once, at the seam."""
    from botocore import exceptions

    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise TargetError(
            "no AWS credentials were found",
            "Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name --profile, or log in.",
        ) from error
    except exceptions.NoRegionError as error:
        raise TargetError("no AWS region is set", "Name --region, or set AWS_REGION.") from error
    except exceptions.ProfileNotFound as error:
        raise UsageError(str(error), "`aws configure list-profiles` lists the profiles.") from error
    except exceptions.ParamValidationError as error:
        raise UsageError(" ".join(str(error).split()), "Look at the function's name and --qualifier.") from error
    except ValueError:  # its text may quote what can't be read
        raise UsageError("boto3 can't read an endpoint or a setting", "Look at --endpoint-url, --region.") from None
    except exceptions.BotoCoreError as error:
        raise TargetError(f"AWS could not be prepared: {' '.join(str(error).split())}") from error


def patient_client(session: Any, service: str, endpoint_url: str | None) -> Any:
    """A client for what may be asked again: botocore retries, and slows down where it is throttled."""
    from botocore.config import Config

    with translated():
        config = Config(retries={"mode": "adaptive", "total_max_attempts": 8})
        return session.client(service, endpoint_url=endpoint_url, config=config)


def reading_client(service: str, options: ReadingOptions) -> Any:
    """A client for what is only read. Raises `TargetError` and `UsageError`."""
    import boto3

    with translated():
        # AWS_REGION as the AWS CLI takes it; boto3 knows AWS_DEFAULT_REGION only.
        region = options.region or os.environ.get("AWS_REGION")
        session = boto3.Session(profile_name=options.profile, region_name=region)
    return patient_client(session, service, options.endpoint_url)


def code_of(error: Exception) -> str:
    """The name of an error that a service answered; its message may quote anything."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return code if isinstance(code, str) and re.fullmatch("[A-Za-z0-9.]{1,64}", code) else "an error"
