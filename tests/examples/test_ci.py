"""A home in every CI: the shell steps of the action and of each example, run against the lab as a runner would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from tenantcheck.lab import Lab

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "tenantcheck"
CI = ROOT / "examples" / "ci"
BIN = Path(sys.executable).parent
AWS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_REGION": "us-east-1"}
FAST = {"hold_s": 0.02}
Labs = Callable[..., Lab]
pytestmark = [pytest.mark.usefixtures("in_tmp"), pytest.mark.no_cover]


def action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text())
    return document


def as_runner(lab: Lab, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str], str]:
    """Run the action's own step with these inputs: the process, its outputs, and the job summary."""
    given = {name: each.get("default", "") for name, each in action()["inputs"].items()} | inputs
    (step,) = [each for each in action()["runs"]["steps"] if each.get("id") == "run"]
    variables = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: given[match[1]], text)
        for name, text in step["env"].items()
    }
    assert "${{" not in json.dumps(variables)
    Path("outputs").write_text("")
    Path("summary").write_text("")
    environ = os.environ | AWS | variables | {
        "AWS_ENDPOINT_URL_LAMBDA": lab.endpoint_url,
        "GITHUB_ACTION_PATH": str(ACTION),
        "GITHUB_OUTPUT": "outputs",
        "GITHUB_STEP_SUMMARY": "summary",
        "TENANTCHECK": str(BIN / "tenantcheck"),
        "PYTHON": sys.executable,
    }  # fmt: skip
    ran = subprocess.run(["bash", "-c", step["run"]], env=environ, capture_output=True, text=True)
    outputs = dict(line.split("=", 1) for line in Path("outputs").read_text().splitlines())
    return ran, outputs, Path("summary").read_text()


QUICK = "--plan\nquick\n--tenants\n2"


def test_a_pass_has_its_summary_outputs_and_reports(labs: Labs) -> None:
    lab = labs(**FAST)
    ran, outputs, summary = as_runner(lab, target=lab.function_name, arguments=QUICK)
    assert ran.returncode == 0, ran.stderr
    assert summary.startswith("## ✅ tenantcheck: PASS")
    assert re.fullmatch(r"tenantcheck-report/history-[0-9-]+\.jsonl", outputs.pop("history"))
    paths = {name: outputs.pop(name) for name in ("json", "html", "junit")}
    assert all(Path(path).stat().st_size for path in paths.values())
    assert outputs == {"exit-code": "0", "verdict": "pass", "breaches": "0", "findings": "0"}


@pytest.mark.parametrize("words", ["--dry-run", "--help", "--preflight"])
def test_without_a_verdict_there_is_no_green_job(labs: Labs, words: str) -> None:
    lab = labs(**FAST)
    ran, outputs, _ = as_runner(lab, target=lab.function_name, arguments=f"{QUICK}\n{words}")
    assert (ran.returncode, outputs["verdict"], outputs["exit-code"]) == (1, "error", "1")
    assert "gave no verdict" in ran.stdout


def test_the_step_runs_again_in_a_workspace_that_is_kept(labs: Labs) -> None:
    lab = labs(**FAST)
    histories = {as_runner(lab, target=lab.function_name, arguments=QUICK)[1]["history"] for _ in range(2)}
    assert len(histories) == 2


def test_a_breach_fails_the_step_and_is_counted(labs: Labs) -> None:
    lab = labs(isolation="none", **FAST)
    Path("template.yaml").touch()
    ran, outputs, summary = as_runner(lab, command="probe", target=lab.front_url, **{"sarif-anchor": "template.yaml"})
    assert ran.returncode == 10
    assert summary.startswith("## ❌ tenantcheck: FAIL")
    assert (outputs["exit-code"], outputs["verdict"]) == ("10", "fail")
    assert int(outputs["breaches"]) >= 1
    assert '"uri": "template.yaml"' in Path(outputs["sarif"]).read_text()


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"target": "nope"}, 1),
        ({"target": "x", "folder": "a\nverdict=pass"}, 2),
        ({"target": "x", "arguments": "--tenant"}, 2),
        ({"command": "x; echo y", "target": "x"}, 2),
    ],
)
def test_without_a_verdict_the_summary_says_so(labs: Labs, inputs: dict[str, str], code: int) -> None:
    ran, outputs, summary = as_runner(labs(**FAST), **inputs)
    assert (ran.returncode, outputs["exit-code"]) == (code, str(code))
    assert "tenantcheck" in summary
    if code == 2:
        assert outputs == {"verdict": "error", "exit-code": "2"}
        assert "no verdict" in summary


def test_inputs_are_no_part_of_a_script(labs: Labs) -> None:
    """
    Given inputs that would be commands if they were pasted into a script
    When the step runs
    Then nothing of them was run, and no output was forged.
    """
    planted = 'x"; touch planted; echo "\nverdict=pass\n$(touch planted)`touch planted`'
    ran, outputs, _ = as_runner(labs(**FAST), target=planted, arguments=f"--tenants\n{planted}")
    assert ran.returncode in (1, 2)
    assert not Path("planted").exists()
    assert outputs["verdict"] in ("error", "inconclusive")
    for step in action()["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_actions_are_pinned_by_hash() -> None:
    used = [step["uses"] for step in action()["runs"]["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", each) for each in used)


def test_every_output_is_written_by_the_step() -> None:
    written = (ACTION / "run.sh").read_text()
    for name, output in action()["outputs"].items():
        assert output["value"] == f"${{{{ steps.run.outputs.{name} }}}}"
        assert f"{name}=" in written or f"{name}:" in written


def test_scripts_are_sound() -> None:
    for script in ACTION.glob("*.sh"):
        assert subprocess.run(["bash", "-n", str(script)]).returncode == 0
        assert os.access(script, os.X_OK)


def shell_of(name: str) -> list[str]:
    """The commands of an example, one text each."""
    text = (CI / name).read_text()
    if name == "Jenkinsfile":
        (script,) = re.findall(r"sh '''(.*?)'''", text, re.DOTALL)
        return [line.strip() for line in script.replace("\\\n", "").strip().splitlines()]
    document = yaml.safe_load(text)
    if name == "gitlab.yml":
        return list(document["tenant isolation"]["script"])
    return [*document["phases"]["install"]["commands"], *document["phases"]["build"]["commands"]]


@pytest.mark.parametrize("name", ["gitlab.yml", "buildspec.yml", "Jenkinsfile"])
def test_the_steps_of_an_example_run(labs: Labs, name: str) -> None:
    lab = labs(**FAST)
    install, *commands = shell_of(name)
    assert install == 'pip install "$TENANTCHECK_PACKAGE"'
    assert "TENANTCHECK_PACKAGE" in (CI.parent / "README.md").read_text()
    environ = os.environ | AWS | {
        "AWS_ENDPOINT_URL_LAMBDA": lab.endpoint_url,
        "FUNCTION": lab.function_name,
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }  # fmt: skip
    for _ in range(2):  # a workspace that is kept: what an earlier build left behind is neither in the way nor shown
        ran = subprocess.run(["bash", "-euc", "\n".join(commands)], env=environ, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
    (suite,) = JUnitXml.fromstring(Path("report.xml").read_bytes())
    assert suite.failures == suite.errors == 0
    kept = (CI / name).read_text()
    for file in ("report.html", "report.json", "history.jsonl"):
        assert Path(file).exists()
        assert file in kept


def test_the_lines_of_the_readme_are_those_of_the_example() -> None:
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"(?ms)^```yaml\n(.*?)^```$", readme)
    steps = yaml.safe_load(block)
    example = yaml.safe_load((CI / "github.yml").read_text())
    assert steps == example["jobs"]["tenantcheck"]["steps"]
    assert len(block.splitlines()) <= 5
    owner, _, rest = steps[-1]["uses"].partition("/tenantcheck/")
    assert owner == "OWNER"
    assert (ROOT / rest.partition("@")[0] / "action.yml").exists()
    assert set(steps[-1]["with"]) <= set(action()["inputs"])


@pytest.mark.parametrize("policy", sorted((ROOT / "examples" / "iam").glob("*.json")), ids=lambda path: path.stem)
def test_policies_allow_named_actions_on_named_resources(policy: Path) -> None:
    for statement in json.loads(policy.read_text())["Statement"]:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any("*" in action for action in actions)
        if statement["Sid"] == "KnowNoResources":
            assert resources == ["*"]
            continue
        assert all(each.count(":") >= 5 and not each.endswith("::*") for each in resources)
