"""What SAM makes of a template has the same findings, where it translates it at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform

import tenantcheck
from tests.config.templates import MISTAKES, Mistake, planted
from tests.config.test_rules import _long_forms

#: What SAM refuses beside PER_TENANT, or reads no more.
REFUSED = {"function-url", "snapstart", "provisioned-concurrency", "event-source-mapping"}
#: What only the written form shows: SAM drops it, or writes it at another place.
WRITTEN_ONLY = {"tenancy-misplaced", "shared-role-without-tenant-scope"}


class _Policies:
    """Managed policies of AWS: none is asked for."""

    def load(self) -> dict[str, str]:
        return {}


def translated(text: str) -> dict[str, Any]:
    """As SAM deploys it."""
    document = _long_forms(text.replace("CodeUri: .", "CodeUri: s3://bucket/key"))
    made: dict[str, Any] = transform(document, {}, _Policies())
    return made


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: f"{each.rule}-{each.at}")
def test_the_same_is_found_after_translation(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    text = planted(mistake)
    if mistake.rule in REFUSED:
        with pytest.raises(InvalidDocumentException):
            translated(text)
        return
    (tmp_path / "before.yaml").write_text(text)
    (tmp_path / "after.json").write_text(json.dumps(translated(text)))
    before, after = (
        {finding.check for finding in tenantcheck.lint(tmp_path / name, expect=["Orders"], tenant_count=100).findings}
        for name in ("before.yaml", "after.json")
    )
    assert before - WRITTEN_ONLY <= after
    assert after <= before | {"tenancy-disabled"}
