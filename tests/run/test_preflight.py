"""What came is described by names and forms: what would read it, and why it told nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenantcheck.model import Call, Observation, Reply, Request
from tenantcheck.model import nonce as nonces
from tenantcheck.run.preflight import Preflight
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget
from tenantcheck.run.witness import WitnessReader
from tests.notation import RUN, plan_for

NONCE = nonces.compose(RUN, nonces.tag("a"), 0, "0" * 16)
UUID = "346d66f5-c16e-4c34-944a-f8e902e4d605"
STREAM = "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"
JSON = (("Content-Type", "application/json; charset=utf-8"),)


def told(*replies: Reply, kind: Any = "opening") -> tuple[Preflight, list[str]]:
    """What is said of these answers, the first one to tenant a, the next one to tenant b."""
    target = HttpTarget(HttpRequestSpec(url="https://x.test/?k=hunter2", headers=(("X-Key", "hunter2-key"),)))
    preflight = Preflight(plan_for(), target)
    call = Call(method="GET", url="https://x.test/", headers=(("authorization", "Bearer hunter2-token"),))
    for tenant, reply in enumerate(replies):
        reading = WitnessReader().read(reply.body, reply.headers, own_tag=nonces.tag("a"))
        outcome = target.outcome(reply, witnessed=reading.witness is not None, proxy_status=None)
        request = Request(seq=tenant, wave=0, kind=kind, slot=tenant, tenant=tenant, nonce=NONCE)
        observation = Observation(
            request=request,
            call_ns=0,
            end_ns=1,
            outcome=outcome.kind,
            error_text=outcome.error_text,
            witness=reading.witness,
            witness_errors=reading.errors,
        )
        preflight(observation, call, reply)
    return preflight, list(preflight.lines())


def answer(body: object, status: int = 200, headers: Any = JSON) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=headers, body=raw)


def test_what_would_read_a_witness_that_stands_elsewhere() -> None:
    body = {
        "requestId": UUID,
        "meta": {"env-id": UUID, "host": UUID, "stream": STREAM, "calls": 3, "seen": [NONCE], "for": "a"},
    }
    preflight, lines = told(answer(body))
    assert not preflight.read
    assert lines[0] == "What came:"
    assert lines[1].startswith("  a: HTTP 200, application/json, ")
    assert lines[1].endswith("read: nothing of a witness")
    assert lines[2] == '  keys: requestId, meta."env-id", meta.host, meta.stream, meta.calls, meta.for, meta.seen[0]'
    assert lines[3] == (
        "  these look like a witness: --witness 'executionEnvironmentId=meta.\"env-id\"' "
        "--witness 'sandboxId=meta.host' --witness 'logStreamName=meta.stream' "
        "--witness 'invocationCount=meta.calls' --witness 'tenantId=meta.for' --witness 'nonce=meta.seen[0]'"
    )


def test_what_it_suggests_reads_the_witness() -> None:
    body = {"meta": {"env-id": UUID, "calls": 3, 'odd"\\name': {"x": STREAM}}}
    _, lines = told(answer(body))
    words = lines[3].partition(": ")[2].split("--witness ")[1:]
    paths = dict(word.strip().strip("'").split("=", 1) for word in words)
    witness = WitnessReader(paths).read(json.dumps(body).encode(), own_tag="").witness
    assert witness is not None
    assert (witness.execution_environment_id, witness.log_stream_name, witness.invocation_count) == (UUID, STREAM, 3)


def test_answers_that_name_their_environment_need_no_suggestion() -> None:
    preflight, lines = told(*[answer({"executionEnvironmentId": UUID, "nonce": NONCE, "requestId": UUID})] * 2)
    assert preflight.read
    assert lines[1:] == ["  a, b: HTTP 200, application/json, 184 bytes; read: executionEnvironmentId, nonce"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            answer({}, 302, (("location", "https://login.test/sign?t=hunter2-token"),)),
            "sends to https://login.test/…",
        ),
        (answer({}, 302, (("location", "https://hunter2-key.test/"),)), "sends to a host that is not shown"),
        (answer({}, 302, (("location", "/login"),)), "sends to another path of this host"),
        (answer({}, 302, (("location", "http://["),)), "sends to another path of this host"),
        (
            answer(b"<!DOCTYPE html><p>", headers=(("content-type", "text/html"),)),
            "an HTML page: no handler's answer",
        ),
        (answer(b"\x1b\x00", headers=(("content-encoding", "br"),)), "compressed with br, which was not asked for"),
        (Reply(status=200, headers=JSON, body=b"{", truncated=True), "longer than the 1 MiB that is read"),
        (answer({"message": "Missing Authentication Token"}, 403), "Missing Authentication Token"),
        (answer({"sandboxId": 5, "nonce": NONCE}), "read: nonce (sandboxId: a number where text was expected)"),
        (
            Reply(error_kind="timeout", error_text="no complete answer within 30 s"),
            "a: no complete answer within 30 s",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_why_it_told_nothing(reply: Reply, said: str) -> None:
    preflight, lines = told(reply)
    assert said in lines[1], lines
    assert not preflight.read
    assert "hunter2" not in "".join(lines)


def test_who_was_refused_is_told_apart() -> None:
    _, lines = told(answer({}, 401), answer({"sandboxId": "s", "nonce": NONCE}))
    assert [line.split(",")[0] for line in lines[1:3]] == ["  a: HTTP 401", "  b: HTTP 200"]


def test_names_that_hold_a_secret_are_left_out() -> None:
    body = {"hunter2-token": UUID, "hunter2-key": {"id": UUID}, "fine": 1}
    _, lines = told(answer(body))
    assert lines[2:] == ["  keys: fine"]


def test_hostile_documents_are_looked_at_within_bounds() -> None:
    deep: Any = {"x": 1}
    for _ in range(900):
        deep = {"k" * 50: deep}
    for body in (deep, {f"k{n}": UUID for n in range(50_000)}, {"\x1b[2J\u202e": [[]] * 9, "k" * 5_000: UUID}):
        _, lines = told(answer(body))
        assert len("".join(lines)) < 4_000
        assert not set("".join(lines)) & set("\x1b\u202e")


def test_nothing_behind_the_opening_is_looked_at() -> None:
    preflight, lines = told(answer({}), kind="ordered")
    assert (lines, preflight.read, preflight.reached) == ([], False, False)
