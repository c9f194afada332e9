"""What a run leaves behind, and what `check` makes of it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import COMMAND, FAST, history, invoke, run

Labs = Callable[..., Lab]
pytestmark = pytest.mark.usefixtures("in_tmp")


class TestHistory:
    def test_check_gives_the_verdict_of_the_run(self, labs: Labs) -> None:
        ran = run(
            "-q",
            "probe",
            labs(**FAST).front_url,
            "--plan",
            "quick",
            "--format",
            "json",
        )
        path = history()
        again = run("check", str(path), "--format", "json")
        assert json.loads(again.stdout) == json.loads(ran.stdout)
        assert again.returncode == ran.returncode == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        stricter = run("check", str(path), "--significance", "1e-9")
        assert (stricter.returncode, "the target is 1e-09" in stricter.stdout) == (3, True)

    def test_a_name_that_ends_like_a_control_is_none(self, labs: Labs) -> None:
        lab = labs(isolation="none", **FAST)
        run("-q", "probe", lab.front_url, "--plan", "quick", "--history", "mission-control.jsonl")
        run("-q", "probe", labs(**FAST).front_url, "--plan", "quick", "--history", "a.jsonl")
        told = run("check", "a.jsonl", "mission-control.jsonl")
        assert told.returncode == 10
        assert "mission-control" in told.stdout

    def test_a_control_that_can_not_be_asked_ends_before_the_run(self, labs: Labs) -> None:
        lab = labs(**FAST)
        ran = run("-q", "probe", lab.front_url, "--control", "http://127.0.0.1:1/x", "--history", "h.jsonl")
        assert ran.returncode == 1
        assert "the control http://127.0.0.1:1/x could not be asked" in ran.stderr
        assert not Path("h.jsonl").exists()

    def test_a_breach_is_found_again_and_reports_are_written(self, labs: Labs) -> None:
        ran = run("-q", "probe", labs(isolation="none", **FAST).front_url, "--history", "h.jsonl")
        again = run("check", "h.jsonl", "--report", "json=r.json", "--report", "plain=r.txt")
        assert (ran.returncode, again.returncode) == (10, 10)
        assert json.loads(Path("r.json").read_text())["verdict"] == "fail"
        assert Path("r.txt").read_text() == again.stdout

    def test_a_history_cut_in_the_middle_of_a_line(self, labs: Labs) -> None:
        run("-q", "probe", labs(**FAST).front_url, "--plan", "quick", "--history", "h.jsonl")
        Path("cut.jsonl").write_bytes(Path("h.jsonl").read_bytes()[:-300])
        result = run("check", "cut.jsonl")
        assert result.returncode == 3
        assert "the history has no end line" in result.stdout
        assert "the last line of the history was cut" in result.stdout

    def test_no_secret_is_in_a_history_or_report(self, labs: Labs) -> None:
        url = labs(**FAST).front_url.replace("http://", "http://user:hunter2@") + "?key=hunter2"
        Path("t.toml").write_text(
            "[[tenant]]\nid='a'\ncredentials={bearer='${TOKEN}'}\n[[tenant]]\nid='b'\ncredentials={bearer='hunter2-b'}\n"
        )
        result = run(
            *("probe", url, "--tenants", "@t.toml", "-H", "X-Key: hunter2", "--plan", "quick", "--format", "json"),
            *(
                "--skip",
                "foreign-tenant-accepted",
                "--skip",
                "forged-credentials-accepted",
            ),  # the lab's front does not look at credentials
            TOKEN="hunter2-a",
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "hunter2" not in result.stdout + result.stderr + history().read_text()
        assert invoke(labs(**FAST), "--plan", "quick", "--history", "i.jsonl").returncode == 0
        assert "hunter2" not in Path("i.jsonl").read_text()


def test_a_seed_replays_the_order_and_proves_nothing(labs: Labs) -> None:
    lab = labs(**FAST)

    def orders(name: str, *seed: str) -> list[int]:
        result = run("-q", "probe", lab.front_url, "--plan", "quick", "--history", name, *seed)
        assert result.returncode == (3 if seed else 0)
        records = [json.loads(line) for line in Path(name).read_text().splitlines()]
        requests = [record["request"] for record in records if record["type"] == "observation"]
        return [request["tenant"] for request in sorted(requests, key=lambda request: request["seq"])]

    first = orders("one")
    seed = json.loads(Path("one").read_text().splitlines()[0])["plan"]["seed"]
    assert orders("two", "--seed", seed) == first


def test_ctrl_c_keeps_the_history_and_judges_it(labs: Labs) -> None:
    lab = labs(hold_s=0.3)
    process = subprocess.Popen(
        [*COMMAND, "-q", "probe", lab.front_url, "--history", "h.jsonl"], stdout=subprocess.PIPE, text=True
    )
    seen = threading.Event()

    def watch() -> None:
        while not seen.wait(0.02):
            if len(lab.audit) > 4:
                process.send_signal(signal.SIGINT)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    stdout, _ = process.communicate(timeout=60)
    seen.set()
    watcher.join()
    assert process.returncode == 3
    assert "the run was interrupted" in stdout
    assert '"reason":"interrupted"' in Path("h.jsonl").read_text().splitlines()[-1]


def test_a_report_that_can_not_be_written_does_not_hide_a_breach(labs: Labs) -> None:
    lab = labs(isolation="none", **FAST)
    result = run("-q", "probe", lab.front_url, "--report", "json=/dev/full")
    assert (result.returncode, "error: --report /dev/full: No space left" in result.stderr) == (10, True)
    assert result.stdout.startswith("FAIL: ")


def test_several_histories_are_a_table_and_the_worst_counts(labs: Labs) -> None:
    """
    Given a run that passed beside its control, and one that failed
    When all of their histories are judged
    Then there is a row for each run, the control has none, and the exit code is that of the breach.
    """
    lab = labs(control=True, **FAST)
    run("-q", "probe", lab.front_url, "--plan", "quick", "--control", lab.control_url, "--history", "a.jsonl")
    run("-q", "probe", lab.control_url, "--plan", "quick", "--history", "b.jsonl")
    told = run("check", "a.jsonl", "a-control.jsonl", "b.jsonl")
    assert told.returncode == 10
    assert [line.split()[:2] for line in told.stdout.splitlines()[2:]] == [["a.jsonl", "PASS"], ["b.jsonl", "FAIL"]]
    assert "1 left out: functions without isolation" in told.stderr
    assert run("check", "a.jsonl", "a.jsonl").returncode == 0
    refused = run("check", "a.jsonl", "b.jsonl", "--report", "r.json")
    assert (refused.returncode, "a report is one of one history" in refused.stderr) == (2, True)


def test_a_statement_is_held_against_its_history(labs: Labs) -> None:
    lab = labs(**FAST)
    run("-q", "probe", lab.front_url, "--plan", "quick", "--history", "a.jsonl", "--report", "intoto=a.intoto")
    agrees = run("verify", "a.intoto", "--history", "a.jsonl")
    assert (agrees.returncode, agrees.stdout.startswith("AGREES: PASS")) == (0, True), agrees.stderr
    again = run("check", "a.jsonl", "--report", "intoto=-", "--significance", "1e-30")
    Path("b.intoto").write_text(again.stdout)
    stricter = run("verify", "b.intoto", "--history", "a.jsonl")
    assert (stricter.returncode, stricter.stdout.split(",")[0]) == (3, "AGREES: INCONCLUSIVE")
    other = run("check", "a.jsonl", "--report", "intoto=-", "--significance", "0.5", "--skip", "shared-environment")
    Path("b.intoto").write_text(other.stdout)
    assert run("verify", "b.intoto", "--history", "a.jsonl").returncode == 3
    Path("b.intoto").write_text(Path("a.intoto").read_text().replace('"PASSED"', '"FAILED"'))
    differs = run("verify", "b.intoto", "--history", "a.jsonl")
    assert (differs.returncode, differs.stdout.splitlines()[1]) == (3, "  result differs")
    for content, said in (("{", "not JSON"), ("{}", "no statement of a test result")):
        Path("c.intoto").write_text(content)
        other = run("verify", "c.intoto", "--history", "a.jsonl")
        assert (other.returncode, said in other.stderr) == (1, True)
    assert run("verify", "nowhere", "--history", "a.jsonl").returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--report", "json=a.json", "--report", "junit=./a.json"), "the file is named twice"),
        (("--report", "sarif=a.sarif"), "SARIF needs a file that its findings stand at"),
        (("--format", "sarif", "--sarif-anchor", "none.yaml"), "there is no such file"),
        (("--report", "json=-", "--format", "plain"), "stdout shows plain already"),
        (("--report", "json=no/a.json"), "there is no such folder"),
        (("--report", "a.pdf"), "FORMAT=FILE was expected"),
    ],
)
def test_what_can_not_be_written_is_said_before_the_run(words: tuple[str, ...], said: str) -> None:
    result = run("probe", "http://127.0.0.1:1", *words)
    assert (result.returncode, said in result.stderr) == (2, True), result.stderr
    assert not Path(".tenantcheck").exists()


def test_a_report_can_take_the_place_of_the_one_on_stdout(labs: Labs) -> None:
    lab = labs(isolation="none", **FAST)
    Path("template.yaml").touch()
    words = ("--report", "a.xml", "--report", "a.sarif", "--report", "a.md", "--sarif-anchor", "template.yaml")
    told = run("-q", "probe", lab.front_url, "--report", "json=-", *words)
    assert told.returncode == 10
    assert json.loads(told.stdout)["verdict"] == "fail"
    assert Path("a.md").read_text().startswith("## ❌ tenantcheck: FAIL")
    assert '"uri": "template.yaml"' in Path("a.sarif").read_text()
    assert "<failure" in Path("a.xml").read_text()


def test_a_statement_by_laxer_settings_does_not_pass_for_the_run(labs: Labs) -> None:
    """
    Given a run with a breach of the boundary, and a statement that leaves the check out which found it
    When the statement is held against the history
    Then it agrees, says what the run itself says, and ends as a breach does.
    """
    lab = labs(faults=("reserved-honoured",), **FAST)
    words = ("--plan", "quick", "--keep-going", "--history", "a.jsonl")
    assert run("-q", "probe", lab.front_url, *words).returncode == 10
    lax = run("check", "a.jsonl", "--skip", "reserved-header-honoured", "--report", "intoto=-")
    assert lax.returncode == 0, lax.stdout
    Path("a.intoto").write_text(lax.stdout)
    told = run("verify", "a.intoto", "--history", "a.jsonl")
    assert told.stdout.startswith("AGREES: PASS")
    assert "By the settings of the run: FAIL, reserved-header-honoured: 2 breaches" in told.stdout
    assert told.returncode == 10
