"""Functions of every usual shape are read, by their own front and by Invoke."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import invoke, run

pytestmark = [pytest.mark.lab, pytest.mark.no_cover]

HANDLER = str(Path(__file__).parents[1] / "lab" / "handlers" / "shapes.handler")
QUERY = '{"query": "{ serving: witness }", "variables": {"nonce": ""}}'
#: Each with the options that its front needs.
SHAPES: dict[str, tuple[str, ...]] = {
    "graphql": ("-d", QUERY, "--nonce", "body:variables.nonce"),
    "json_rpc": (),
    "event_stream": (),
    "gzip_in_base64": (),
    "base64_left_on": (),
    "byte_order_mark": (),
    "utf_16": (),
    "multi_value_headers": (),
    "powertools": (),
    "mangum": (),
    "warming_up": (),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=SHAPES)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab(handler=HANDLER, hold_s=0.02, variables={"SHAPE": request.param, "TENANTCHECK_HOLD_MS": "20"}) as lab:
        yield lab


QUICK = ("--plan", "quick", "--tenants", "2", "--format", "json")


def test_it_is_read_on_both_roads(lab: Lab) -> None:
    """
    Given a function whose answers have this shape
    When it is probed through its front, and invoked with the event of that front
    Then every answer names its environment, echoes its nonce, and the run passes.
    """
    shape = lab.settings.variables["SHAPE"]
    probed = run("-q", "probe", lab.front_url, *QUICK, *SHAPES[shape])
    assert probed.returncode == 0, probed.stderr + probed.stdout
    event = "api-gateway"
    if shape == "graphql":
        own = json.loads(QUERY) | {"variables": {"nonce": "{nonce}"}}
        Path("event.json").write_text(json.dumps({"requestContext": {}, "body": json.dumps(own)}))
        event = "@event.json"
    invoked = invoke(lab, *QUICK, "--event", event)
    assert invoked.returncode == 0, invoked.stderr + invoked.stdout


@pytest.mark.parametrize("event", ["api-gateway", "http-api", "alb"])
def test_the_built_in_witness_takes_every_event(event: str) -> None:
    with Lab(hold_s=0.02) as lab:
        invoked = invoke(lab, *QUICK, "--event", event, "--payload", '{"mine": 1}')
    assert invoked.returncode == 0, invoked.stderr + invoked.stdout
