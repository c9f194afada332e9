"""Probe two applications in this process, with nothing installed but the core dependencies."""

import json
import subprocess
import sys
import uuid
from importlib.util import find_spec

import tenantcheck

for name in ("pycurl", "uvloop", "aiohttp", "awslambdaric"):
    assert find_spec(name) is None, f"{name} is installed: this is not the core alone"


def application(isolated):
    environments, counts = {}, {}

    async def app(scope, receive, send):
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        tenant = headers.get("x-tenant-id", "")
        allowed = bool(tenant) and len(tenant) <= 256 and "!" not in tenant
        environment = environments.setdefault(tenant if isolated else "", str(uuid.uuid4()))
        counts[environment] = counts.get(environment, 0) + allowed
        witness = {
            "executionEnvironmentId": environment,
            "invocationCount": counts[environment],
            "tenantId": tenant,
            "nonce": headers["x-tenantcheck-nonce"],
        }
        body = json.dumps(witness if allowed else {"message": "no"}).encode()
        await send({"type": "http.response.start", "status": 200 if allowed else 400, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


for isolated, outcome, code in ((True, "pass", 0), (False, "fail", 10)):
    verdict = tenantcheck.probe("/", app=application(isolated))
    assert verdict.outcome == outcome, verdict.reasons
    command = [sys.executable, "-m", "tenantcheck", "check", verdict.source.path, "--format", "json"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, json.loads(ran.stdout)["verdict"]) == (code, outcome), ran.stderr
    print(f"isolated {isolated}: {outcome}")
for words in (["--help"], ["probe", "--help"], ["probe", "http://x.test", "--dry-run"]):
    subprocess.run([sys.executable, "-m", "tenantcheck", *words], check=True, capture_output=True)
