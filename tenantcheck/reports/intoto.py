"""Report for auditors and policies: an in-toto Statement v1 with a test-result predicate, to be signed.
What it says can be held against the history that it names: `tenantcheck verify`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tenantcheck.errors import TenantcheckError, UsageError
from tenantcheck.model import Verdict
from tenantcheck.model.text import json_text
from tenantcheck.reports.json_report import as_json

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
#: Only a pass has passed: a policy that asks for anything else must not take an open question for an answer.
_RESULTS = {"pass": "PASSED", "fail": "FAILED", "inconclusive": "FAILED"}
_PASSED = ("clean",)
_FAILED = ("breached", "crashed", "open")


def render(verdict: Verdict) -> str:
    """The statement as indented JSON, ending in a line break. Raises `UsageError` where nothing names what was
    judged."""
    return json_text(statement(verdict))


def statement(verdict: Verdict) -> dict[str, Any]:
    """The statement. Its subject is the history: that is what was judged."""
    source = verdict.source
    if not source.sha256:
        raise UsageError("a statement needs the digest of what was judged", "Judge a history: tenantcheck check FILE")
    told = as_json(verdict)
    configuration = [{"name": "history", "digest": {"sha256": source.sha256}}]
    if source.plan_sha256:
        configuration.append({"name": "plan", "digest": {"sha256": source.plan_sha256}})
    return {
        "_type": STATEMENT,
        "subject": [{"name": verdict.subject.target, "digest": {"sha256": source.sha256}}],
        "predicateType": PREDICATE,
        "predicate": {
            "result": _RESULTS[verdict.outcome],
            "configuration": configuration,
            "passedTests": [result.id for result in verdict.results if result.status in _PASSED],
            "warnedTests": [r.id for r in verdict.results if r.status not in (*_PASSED, *_FAILED, "left-out")],
            "failedTests": [result.id for result in verdict.results if result.status in _FAILED],
            "leftOutTests": [result.id for result in verdict.results if result.status == "left-out"],
            "verdict": verdict.outcome,
            "strict": verdict.strict,
            "accepted": {each["fingerprint"]: each["accepted"] for each in told["findings"] if each["accepted"]},
            "findings": [each["fingerprint"] for each in told["findings"]],
            **{name: told[name] for name in ("reasons", "subject", "evidence", "not_established", "remarks", "tool")},
        },
    }


#: Larger statements are not read.
MAX_BYTES = 16 << 20
_HINT = "Write one: tenantcheck check HISTORY --report intoto=FILE"


def read_statement(text: bytes) -> dict[str, Any]:
    """A statement of this program, bare, in a DSSE envelope or in a Sigstore bundle, whose signature is not looked
    at. Raises `TenantcheckError` for anything else."""
    document = _document(text)
    envelope = document.get("dsseEnvelope", document)  # of a Sigstore bundle
    if isinstance(envelope, dict) and isinstance(envelope.get("payload"), str):
        try:
            document = _document(base64.b64decode(envelope["payload"], validate=True))
        except ValueError:
            raise TenantcheckError("the envelope's payload is not base64", _HINT) from None
    if document.get("_type") != STATEMENT or document.get("predicateType") != PREDICATE:
        raise TenantcheckError("this is no statement of a test result (in-toto v1)", _HINT)
    predicate = document.get("predicate")
    if not isinstance(predicate, dict) or not isinstance(predicate.get("evidence"), dict):
        raise TenantcheckError("this statement is not one of tenantcheck", _HINT)
    return document


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise TenantcheckError("the statement is not JSON", _HINT) from None
    if len(text) > MAX_BYTES or not isinstance(document, dict):
        raise TenantcheckError("the statement is too large, or no JSON object", _HINT)
    return document


def judged_with(stated: Mapping[str, Any]) -> dict[str, Any]:
    """How the history was judged for this statement, as `check` takes it. Raises `TenantcheckError`."""
    predicate = stated["predicate"]
    significance, left_out = predicate["evidence"].get("significance"), predicate.get("leftOutTests", [])
    if not isinstance(left_out, list) or not all(isinstance(each, str) for each in left_out):
        raise TenantcheckError("the statement's leftOutTests are no list of checks", _HINT)
    return {
        "significance": significance if isinstance(significance, float) and 0 < significance < 1 else None,
        "skip": tuple(left_out),
        "strict": predicate.get("strict") is True,
    }


def accepted_by(stated: Mapping[str, Any]) -> dict[str, str]:
    """Why findings were accepted for this statement, by fingerprint. Raises `TenantcheckError`."""
    accepted = stated["predicate"].get("accepted", {})
    if not isinstance(accepted, dict) or not all(isinstance(why, str) for why in accepted.values()):
        raise TenantcheckError("the statement's accepted findings can't be read", _HINT)
    return accepted


#: What two readings of one history may differ in.
_MAY_DIFFER = ("tool", "remarks")
#: A remark on what was accepted beside the history.
_ON_ACCEPTANCE = re.compile("[0-9a-f]{16} was accepted, and is ")


def differences(stated: Mapping[str, Any], verdict: Verdict) -> Iterator[str]:
    """What a statement says that its history, judged again, does not."""
    own = statement(verdict)
    if _digests(stated) != _digests(own):
        yield "the statement is about another history: the digests differ"
        return
    if stated.get("subject") != own["subject"]:
        yield "subject differs"
    for name in dict.fromkeys((*own["predicate"], *stated["predicate"])):
        if name not in _MAY_DIFFER and stated["predicate"].get(name) != own["predicate"].get(name):
            yield f"{name} differs"
    if _remarks(stated) != _remarks(own):
        yield "remarks differs"


def _remarks(stated: Mapping[str, Any]) -> object:
    """What is remarked on the history itself."""
    remarks = stated["predicate"].get("remarks")
    if not isinstance(remarks, list):
        return remarks
    return [each for each in remarks if not (isinstance(each, str) and _ON_ACCEPTANCE.match(each))]


def _digests(stated: Mapping[str, Any]) -> Sequence[object]:
    subjects = stated.get("subject")
    listed = subjects if isinstance(subjects, list) else []
    return [each.get("digest") for each in listed if isinstance(each, dict)]
