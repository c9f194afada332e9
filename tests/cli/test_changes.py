"""Change between runs, and weaknesses that are accepted for a time: never silently, and never a breach."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tenantcheck.cli.changes import read_accepted, read_baseline, with_accepted, with_change
from tenantcheck.errors import UsageError
from tenantcheck.model import Verdict
from tenantcheck.reports import FORMATS
from tests.cli.command import run
from tests.notation import plan_for, verdict, with_witness
from tests.reports.test_reports import CASES

pytestmark = pytest.mark.usefixtures("in_tmp")
#: Somebody else used environments: a weakness, and nothing else.
WEAK = verdict("o a1 b2 | r a1 b2 a1 b2", edit={n: with_witness(invocation_count=10 + n) for n in (2, 3)})
DAY = date(2026, 11, 26)


def weakness() -> str:
    (mark,) = [each.fingerprint for each in WEAK.findings if each.severity == "weakness"][:1]
    return mark


def accepted_file(*entries: str) -> Path:
    path = Path("accepted.toml")
    path.write_text("\n".join(f"[[accepted]]\n{entry}" for entry in entries))
    return path


def report_file(told: Verdict, name: str = "before.json") -> Path:
    Path(name).write_text(FORMATS["json"].render(told))
    return Path(name)


class TestChange:
    def test_new_gone_and_as_before(self) -> None:
        first, *others = CASES["fail"].findings
        before = replace(CASES["fail"], findings=(first, *WEAK.findings))
        told = with_change(CASES["fail"], read_baseline(report_file(before)), "before.json").change
        assert told is not None
        assert told.before == "fail"
        assert told.still == (first.fingerprint,)
        assert told.new == tuple(each.fingerprint for each in others)
        assert len(told.gone) == len(WEAK.findings)
        assert [text.partition(": ")[0] for text in told.gone] == [each.check for each in WEAK.findings]

    def test_what_nothing_looked_for_is_not_gone(self) -> None:
        baseline = read_baseline(report_file(CASES["fail"]))
        unlooked = replace(
            CASES["fail"],
            findings=(),
            results=tuple(replace(each, status="left-out") for each in CASES["fail"].results),
        )
        told = with_change(unlooked, baseline, "before.json")
        assert told.change is not None
        assert told.change.gone == ()
        assert len(told.change.unlooked) == len({each.fingerprint for each in CASES["fail"].findings})
        assert "0 gone, 0 as before, 2 not looked for this time" in FORMATS["plain"].render(told)

    def test_a_report_on_another_target_is_no_baseline(self) -> None:
        other = replace(CASES["fail"], subject=replace(CASES["fail"].run, target="https://other.test/"))
        told = with_change(CASES["fail"], read_baseline(report_file(other)), "before.json")
        assert told.change is None
        assert "nothing was compared" in told.remarks[-1]

    def test_a_worse_finding_of_the_same_check_is_another_one(self) -> None:
        """Its severity, and what it says, are part of the fingerprint."""
        weak = {each.fingerprint for each in WEAK.findings}
        plan = plan_for(fresh=True)
        judged = verdict("o a1 b2 | r a1 b2 a1 b2", plan, {2: with_witness(invocation_count=10)})
        worse = [each for each in judged.findings if each.check == "unseen-caller"]
        assert worse
        assert weak.isdisjoint(each.fingerprint for each in worse)

    def test_every_report_for_people_says_it(self) -> None:
        told = with_change(CASES["fail"], read_baseline(report_file(CASES["pass"])), "before.json")
        for form in ("plain", "html", "markdown"):
            assert "2 new, 0 gone, 0 as before" in FORMATS[form].render(told)
        assert json.loads(FORMATS["json"].render(told))["change"]["before"] == "pass"

    @pytest.mark.parametrize(
        "content", ["", "[]", "{", '{"schema": "tenantcheck-report/2"}', '{"schema": "tenantcheck-report/1"}']
    )
    def test_another_file_is_no_baseline(self, content: str) -> None:
        Path("x.json").write_text(content)
        with pytest.raises(UsageError, match=r"--baseline x\.json: not a"):
            read_baseline(Path("x.json"))

    def test_a_baseline_that_can_not_be_read_ends_before_the_run(self) -> None:
        for words in (("--baseline", "nowhere.json"), ("--accepted", "nowhere.toml")):
            result = run("probe", "http://127.0.0.1:1", *words)
            assert (result.returncode, "No such file" in result.stderr) == (2, True)
            assert not Path(".tenantcheck").exists()


class TestAccepted:
    def test_weaknesses_that_are_not_kept_can_not_be_accepted(self) -> None:
        strict = replace(WEAK, strict=True)
        accepted = {each.fingerprint: "known" for each in strict.findings}
        assert with_accepted(strict, accepted).outcome != "fail"
        results = [
            replace(each, findings=each.findings + 50) if each.status == "weak" else each for each in strict.results
        ]
        told = with_accepted(replace(strict, results=tuple(results)), accepted)
        assert told.outcome == "fail"
        assert "50 weaknesses (--strict)" in told.reasons[0]

    def test_an_accepted_weakness_fails_nothing(self) -> None:
        strict = replace(WEAK, strict=True)
        marks = [each.fingerprint for each in WEAK.findings]
        assert with_accepted(strict, {"0" * 16: "x"}).outcome == "fail"
        told = with_accepted(strict, dict.fromkeys(marks, "known (until 2027-01-01)"))
        assert told.outcome != "fail"
        assert {each.accepted for each in told.findings} == {"known (until 2027-01-01)"}
        assert "Accepted: known (until 2027-01-01)" in FORMATS["plain"].render(told)
        assert "suppressions" in FORMATS["sarif"].render(replace(told, anchor="t.yaml"))

    @pytest.mark.parametrize("outcome", ["fail", "inconclusive"])
    def test_a_breach_or_an_open_question_can_not_be(self, outcome: str) -> None:
        before = CASES[outcome]
        told = with_accepted(before, {each.fingerprint: "no" for each in before.findings})
        assert told.outcome == before.outcome
        assert not [each for each in told.findings if each.accepted and each.severity != "weakness"]
        if outcome == "fail":
            assert any("a breach, which can't be" in remark for remark in told.remarks)

    def test_one_that_is_not_found_is_named(self) -> None:
        told = with_accepted(CASES["pass"], {"0" * 16: "x"})
        assert told.outcome == "pass"
        assert told.remarks[-1] == f"{'0' * 16} was accepted, and is not found any more"

    def test_a_file_of_them(self) -> None:
        path = accepted_file(f'fingerprint = "{weakness()}"\nreason = "the canary"\nuntil = 2026-11-26')
        assert read_accepted(path, DAY) == {weakness(): "the canary (until 2026-11-26)"}

    @pytest.mark.parametrize(
        ("entries", "said"),
        [
            (
                ('fingerprint = "0123456789abcdef"\nreason = "x"\nuntil = 2026-11-25',),
                "was accepted until 2026-11-25",
            ),
            (('fingerprint = "0123456789abcdef"\nuntil = 2027-01-01',), "missing required field `reason`"),
            (('fingerprint = "0123456789abcdef"\nreason = ""\nuntil = 2027-01-01',), "length >= 1"),
            (('fingerprint = "all"\nreason = "x"\nuntil = 2027-01-01',), "matching regex"),
            (('fingerprint = "0123456789abcdef"\nreason = "x"\nuntil = "soon"',), "Invalid RFC3339"),
            (
                ('fingerprint = "0123456789abcdef"\nreason = "x"\nuntil = 2027-01-01\nforever = true',),
                "unknown field",
            ),
            (('fingerprint = "0123456789abcdef"\nreason = "x"\nuntil = 2027-01-01',) * 2, "stands in it twice"),
            (("x",), "--accepted accepted.toml: "),
        ],
    )
    def test_a_file_that_is_not_right_is_refused(self, entries: tuple[str, ...], said: str) -> None:
        with pytest.raises(UsageError) as raised:
            read_accepted(accepted_file(*entries), DAY)
        assert said in raised.value.message

    @given(st.binary(max_size=60))
    def test_any_other_file_is_refused_or_accepts_nothing(self, content: bytes) -> None:
        Path("x.toml").write_bytes(content)
        with suppress(UsageError):
            assert read_accepted(Path("x.toml"), DAY) == {}
