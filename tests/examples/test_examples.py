"""The examples work: handlers in the lab and under Node, templates by cfn-lint, the walk-through by bash."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tenantcheck.lab import Lab
from tenantcheck.model import WITNESS_NAMES, Witness
from tenantcheck.model import nonce as nonces
from tenantcheck.run.targets.function import envelope
from tenantcheck.run.witness import WitnessReader
from tenantcheck.starter import starter_files, witness

EXAMPLES = Path(__file__).parents[2] / "examples"
NONCE = nonces.compose("0a1b2c3d", nonces.tag("a"), 1, "0123456789abcdef")


def test_the_examples_are_what_the_program_prints_and_writes() -> None:
    assert (EXAMPLES / "python" / "handler.py").read_text() == witness("python")
    assert (EXAMPLES / "typescript" / "handler.ts").read_text() == witness("typescript")
    files = starter_files("typescript", "1")
    for name in ("package.json", "tsconfig.json"):
        assert (EXAMPLES / "typescript" / name).read_text() == files[name]
    template = starter_files("python", "1")["template.yaml"]
    own = template.replace("CodeUri: .\n", "CodeUri: ../python\n").replace("witness.handler", "handler.handler")
    assert (EXAMPLES / "sam" / "template.yaml").read_text() == own


def test_the_python_handler_in_the_lab() -> None:
    with Lab(handler=str(EXAMPLES / "python" / "handler.handler"), hold_s=0.001) as lab:
        headers = {"x-tenant-id": "a", "X-Tenantcheck-Nonce": NONCE}
        first, second = (httpx.get(lab.front_url, headers=headers, trust_env=False) for _ in range(2))
        silent = httpx.get(lab.front_url, headers={"x-tenant-id": "a"}, trust_env=False)
    assert set(first.json()) == set(WITNESS_NAMES.values())
    assert second.json()["residue"] == {"memory": [NONCE], "scratch": [NONCE]}
    assert second.json()["invocationCount"] == 2
    assert silent.json() == {"ok": True}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript handler, compiled by its own package.json."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Node.js and npm are not installed: the TypeScript example can't be compiled here")
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(EXAMPLES / "typescript", folder, dirs_exist_ok=True)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    subprocess.run(["npm", "run", "build"], cwd=folder, check=True, capture_output=True)
    return folder / "build" / "handler.js"


CALLS = """
const { handler } = require(process.argv[1]);
const context = { logStreamName: "2026/11/22/[1]" + "0".repeat(32), tenantId: "a" };
const nonce = process.argv[2];
(async () => {
  const direct = await handler({ tenantcheckNonce: nonce }, context);
  const front = await handler({ headers: { "X-Tenantcheck-Nonce": nonce }, requestContext: {} }, context);
  const silent = await handler({}, context);
  console.log(JSON.stringify([direct, front, silent]));
})();
"""


def test_the_typescript_handler_under_node(compiled: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        ["node", "-e", CALLS, str(compiled), NONCE],
        env={
            "PATH": str(Path(shutil.which("node") or "").parent),
            "TMPDIR": str(tmp_path),
            "TENANTCHECK_HOLD_MS": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    direct, front, silent = json.loads(result.stdout)
    assert set(direct) == set(WITNESS_NAMES.values())
    assert silent == {"ok": True}
    around = envelope(json.dumps(front).encode())
    assert around is not None
    reading = WitnessReader().read(b"", own_tag=nonces.tag("a"), inner=around.body)
    assert reading.errors == ()
    assert reading.witness == Witness(
        execution_environment_id=direct["executionEnvironmentId"],
        sandbox_id=(tmp_path / "tenantcheck-sandbox-id").read_text(),
        log_stream_name="2026/11/22/[1]" + "0" * 32,
        invocation_count=2,
        tenant_id="a",
        nonce=NONCE,
        residue_read=True,
    )
    assert json.loads(front["body"])["residue"] == {"memory": [NONCE], "scratch": [NONCE]}


KEYED = """
const { handler } = require(process.argv[1]);
const context = { logStreamName: "s" };
const nonce = process.argv[2];
const by = (key) => ({ headers: { "x-tenantcheck-nonce": nonce, "X-Tenantcheck-Key": key }, requestContext: {} });
(async () => {
  const answers = [by("k"), by("wrong"), by(undefined), { tenantcheckNonce: nonce, tenantcheckKey: "k" }].map(
    async (event) => JSON.stringify(await handler(event, context)).includes(nonce),
  );
  console.log(JSON.stringify(await Promise.all(answers)));
})();
"""


def test_the_typescript_handler_tells_nothing_without_its_key(compiled: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        ["node", "-e", KEYED, str(compiled), NONCE],
        env={
            "PATH": str(Path(shutil.which("node") or "").parent),
            "TMPDIR": str(tmp_path),
            "TENANTCHECK_HOLD_MS": "1",
            "TENANTCHECK_KEY": "k",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == [True, False, False, True]


@pytest.mark.parametrize("template", sorted(EXAMPLES.glob("*/template.yaml")), ids=lambda path: path.parent.name)
def test_templates_pass_cfn_lint(template: Path) -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--non-zero-exit-code", "informational", str(template)],
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_the_authorizer_says_who_the_tenant_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "sam-authorizer"))
    import authorizer  # type: ignore[import-not-found]

    monkeypatch.setattr(authorizer, "tenants_by_token", lambda: {"t-1": "acme"})
    allowed = authorizer.handler({"authorizationToken": "Bearer t-1", "methodArn": "arn"}, None)
    assert allowed["context"] == {"tenantId": "acme"}
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.handler({"authorizationToken": "Bearer t-2", "methodArn": "arn"}, None)


def test_the_walk_through_is_a_shell_script_that_explains_itself() -> None:
    script = str(EXAMPLES / "walkthrough.sh")
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    usage = subprocess.run(["bash", script], capture_output=True, text=True)
    assert usage.returncode == 2
    assert "./walkthrough.sh deploy" in usage.stdout
