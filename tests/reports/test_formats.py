"""Reports for other programs, read by other people's readers: JUnit, SARIF, Markdown, in-toto."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as Predicate
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite
from msgspec.structs import replace
from sarif_pydantic import Sarif

from tenantcheck.errors import TenantcheckError, UsageError
from tenantcheck.model import CheckResult, Configured, Finding, Logged, Verdict
from tenantcheck.reports import FORMATS
from tenantcheck.reports.intoto import differences, judged_with, read_statement, statement
from tenantcheck.reports.markdown import MAX_BYTES, escaped
from tenantcheck.reports.sarif import relative_uri
from tests.notation import verdict, with_witness
from tests.reports.test_reports import CASES, HOSTILE

OUTCOMES = list(CASES)
HOSTILE_TEXT = st.text(max_size=40) | st.sampled_from(
    [HOSTILE, "]]>", "</details>", "```", "|x|", "<!--", "a\ud800b", "\uffff\x0b"]
)


def hostile(text: str) -> Verdict:
    """A failed run with this text wherever something comes from outside."""
    edit = {n: with_witness(execution_environment_id=text or "e", tenant_id=text or "t") for n in range(4)}
    told = verdict("o a1 b2 | r a1 b1", edit=edit)
    return replace(
        told,
        remarks=(text,),
        not_established=(text,),
        reasons=(*told.reasons, text),
        source=replace(told.source, sha256="0" * 64, path=text),
        subject=replace(told.run, target=text or "x"),
    )


def suite_of(result: Verdict) -> TestSuite:
    (suite,) = JUnitXml.fromstring(FORMATS["junit"].render(result).encode())
    assert isinstance(suite, TestSuite)
    return suite


class TestJUnit:
    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_one_case_per_check_and_one_for_the_verdict(self, outcome: str) -> None:
        result, suite = CASES[outcome], suite_of(CASES[outcome])
        assert [case.name for case in suite] == ["verdict", *(each.id for each in result.results)]
        assert suite.tests == len(result.results) + 1
        first = next(iter(suite))
        kinds = {"pass": [], "fail": [Failure], "inconclusive": [Error]}
        assert [type(each) for each in first.result] == kinds[outcome]
        assert (suite.failures > 0) == (outcome == "fail")

    def test_a_failure_per_finding_with_how_to_see_it_again(self) -> None:
        result = CASES["fail"]
        for case in suite_of(result):
            found = [each for each in result.findings if each.check == case.name and each.severity == "breach"]
            failures = [each for each in case.result if isinstance(each, Failure)]
            if case.name != "verdict":
                assert len(failures) == len(found)
            assert all("curl" in (each.text or "") for each in failures if case.name == "shared-environment")

    def test_nothing_is_skipped_without_a_reason(self) -> None:
        skipped = [each for case in suite_of(CASES["pass"]) for each in case.result if isinstance(each, Skipped)]
        assert skipped
        assert all(each.message for each in skipped)

    def test_a_check_that_crashed_or_was_asked_for_in_vain_is_an_error(self) -> None:
        crashed = CheckResult(id="x", summary="s", status="crashed", opportunities=0, reason="boom")
        asked = replace(crashed, id="y", status="not-exercised", requested=True, reason="")
        suite = suite_of(replace(CASES["pass"], results=(crashed, asked)))
        assert [[type(each) for each in case.result] for case in suite][1:] == [[Error], [Error]]

    @given(HOSTILE_TEXT)
    def test_any_text_is_read(self, text: str) -> None:
        assert suite_of(hostile(text)).tests


class TestSarif:
    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_every_result_has_a_relative_place(self, outcome: str) -> None:
        result = replace(CASES[outcome], anchor="infra/template.yaml")
        (run,) = Sarif.model_validate_json(FORMATS["sarif"].render(result)).runs
        expected = len(result.findings) + (outcome == "inconclusive")
        assert len(run.results or []) == expected
        for each in run.results or []:
            place = (each.locations or [])[0].physical_location
            assert place is not None
            assert place.artifact_location is not None
            assert place.artifact_location.uri == "infra/template.yaml"
            assert (run.tool.driver.rules or [])[each.rule_index or 0].id == each.rule_id

    def test_without_an_anchor_it_is_told_as_a_notification(self) -> None:
        (run,) = json.loads(FORMATS["sarif"].render(CASES["fail"]))["runs"]
        assert run["results"] == []
        told = run["invocations"][0]["toolExecutionNotifications"]
        assert len(told) == len(CASES["fail"].findings)

    def test_findings_in_files_stand_there(self) -> None:
        shown = (
            Configured(resource="r", property="p", file="/work/../a b/t.yaml", line=3, column=5),
            Logged(group="g", stream="s", file="logs\\x.json", line=7),
        )
        finding = Finding(check="shared-environment", severity="breach", exhibits=shown)
        (run,) = json.loads(FORMATS["sarif"].render(replace(CASES["fail"], findings=(finding,))))["runs"]
        places = [each["physicalLocation"] for each in run["results"][0]["locations"]]
        assert [each["artifactLocation"]["uri"] for each in places] == ["work/a%20b/t.yaml", "logs/x.json"]
        assert [each["region"] for each in places] == [{"startLine": 3, "startColumn": 5}, {"startLine": 7}]

    @given(st.text(max_size=30))
    def test_a_path_is_relative_and_encoded(self, path: str) -> None:
        uri = relative_uri(path.encode("utf-8", "replace").decode())
        assert re.fullmatch(r"[A-Za-z0-9._~%-]+(/[A-Za-z0-9._~%-]+)*", uri)
        assert ".." not in uri.split("/")

    @given(HOSTILE_TEXT)
    def test_any_text_is_read(self, text: str) -> None:
        Sarif.model_validate_json(FORMATS["sarif"].render(replace(hostile(text), anchor="t.yaml")))


class Tags(HTMLParser):
    """The tags of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.seen.append(tag)


class TestMarkdown:
    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_it_begins_with_the_verdict(self, outcome: str) -> None:
        assert FORMATS["markdown"].render(CASES[outcome]).splitlines()[0].endswith(f"tenantcheck: {outcome.upper()}")

    @given(HOSTILE_TEXT)
    def test_text_from_outside_is_text(self, text: str) -> None:
        outside = escaped(text)
        assert not set(outside) & set("\n|`<>[]*_@:")
        report = FORMATS["markdown"].render(hostile(text))
        tags = Tags()
        tags.feed(re.sub(r"(?ms)^(`{3,})sh$.*?^\1$", "", report))
        assert set(tags.seen) <= {"details", "summary"}
        assert report.count("<details>") == report.count("</details>")

    def test_commands_can_not_end_their_block(self) -> None:
        told = FORMATS["markdown"].render(hostile("````\n# x"))
        assert "To repeat:" in told
        assert not [line for line in told.splitlines() if line == "# x"]

    def test_a_summary_stays_below_what_is_shown(self) -> None:
        lines = tuple("x" * 400 for _ in range(3_000))
        told = FORMATS["markdown"].render(replace(CASES["pass"], not_established=lines))
        assert len(told.encode()) <= MAX_BYTES + 200
        assert "is left out" in told


class TestInToto:
    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_it_is_a_statement_with_a_test_result(self, outcome: str) -> None:
        told = json.loads(FORMATS["intoto"].render(CASES[outcome]))
        message = Parse(json.dumps(told), StatementMessage())
        Statement.copy_from_pb(message).validate()
        fields = ("result", "configuration", "passedTests", "warnedTests", "failedTests")
        predicate = Parse(json.dumps({name: told["predicate"][name] for name in fields}), Predicate())
        assert predicate.result == ("PASSED" if outcome == "pass" else "FAILED")
        assert told["predicate"]["not_established"]

    def test_what_was_not_recorded_can_not_be_stated(self) -> None:
        with pytest.raises(UsageError, match="needs the digest"):
            FORMATS["intoto"].render(verdict("o a1 b2 | r a1 b2"))

    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_it_agrees_with_what_it_was_made_of(self, outcome: str) -> None:
        stated = read_statement(FORMATS["intoto"].render(CASES[outcome]).encode())
        assert [*differences(stated, CASES[outcome])] == []
        assert judged_with(stated)["strict"] is False

    @pytest.mark.parametrize(
        "name",
        [
            "result",
            "verdict",
            "evidence",
            "not_established",
            "findings",
            "passedTests",
            "configuration",
            "remarks",
            "more",
        ],
    )
    def test_a_word_that_was_changed_is_named(self, name: str) -> None:
        stated = statement(CASES["fail"])
        stated["predicate"][name] = {"changed": 1}
        assert [*differences(stated, CASES["fail"])] == [f"{name} differs"]

    def test_a_bundle_is_opened(self) -> None:
        payload = base64.b64encode(FORMATS["intoto"].render(CASES["pass"]).encode()).decode()
        for document in ({"payload": payload}, {"dsseEnvelope": {"payload": payload}}):
            assert read_statement(json.dumps(document).encode()) == statement(CASES["pass"])

    @pytest.mark.parametrize("significance", [10**400, True, "1e-6", None, 2.0, -1.0])
    def test_a_significance_that_is_none_is_not_taken(self, significance: object) -> None:
        stated = statement(CASES["pass"])
        stated["predicate"]["evidence"]["significance"] = significance
        assert judged_with(stated)["significance"] is None

    def test_another_history_is_named(self) -> None:
        stated = statement(CASES["pass"])
        stated["subject"][0]["digest"] = {"sha256": "1" * 64}
        assert "another history" in next(differences(stated, CASES["pass"]))

    @given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
    def test_any_other_document_is_refused(self, document: Any) -> None:
        for text in (json.dumps(document), json.dumps({"payload": "e30="}), json.dumps({"payload": "é"})):
            with pytest.raises(TenantcheckError):
                read_statement(text.encode())

    @given(HOSTILE_TEXT)
    def test_any_text_is_read(self, text: str) -> None:
        Parse(FORMATS["intoto"].render(hostile(text)), StatementMessage())
