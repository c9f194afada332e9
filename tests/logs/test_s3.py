"""An export in S3, read where it lies, by this process and by a pool."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from tenantcheck import audit
from tenantcheck.errors import TargetError
from tenantcheck.logs.engines import pool
from tenantcheck.logs.sources import s3
from tests.logs.corpus import PLANTED, export, streams


@pytest.fixture
def bucket(moto: str, aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of an export."""
    for name in s3._VARIABLES:
        monkeypatch.setenv(name, "")  # so that what an audit sets is gone behind it
        monkeypatch.delenv(name)
    client = boto3.client("s3", endpoint_url=moto, region_name="eu-west-1")
    place = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket="exports", CreateBucketConfiguration=place)
    folder = export(tmp_path / "e", streams())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), "exports", f"day/{path.relative_to(folder)}")
    return "s3://exports/day/"


def test_objects_are_read_as_files_are(bucket: str, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = audit(bucket, endpoint_url=moto, region="eu-west-1")
    assert {finding.environment for finding in here.findings if finding.severity == "breach"} == PLANTED.shared
    monkeypatch.setattr(pool, "_NOT_WORTH_IT", 0)
    monkeypatch.setattr(pool, "_MOST_FILES", 5)
    assert audit(bucket, endpoint_url=moto, region="eu-west-1", processes=2).findings == here.findings
    for uri, said in (("s3://exports/nothing/", "there is nothing under"), ("s3://none/", "NoSuchBucket")):
        with pytest.raises(TargetError, match=said):
            audit(uri, endpoint_url=moto, region="eu-west-1")
