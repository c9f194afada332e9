"""The runner: budgets, early ends, interruption, and what it records. A fake sender and clock stand at the two
seams; everything else is real."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tenantcheck.errors import TenantcheckError
from tenantcheck.history import HistoryReader, HistoryWriter
from tenantcheck.model import SCHEDULE, Budgets, Call, End, Header, Observation, Plan, Reply, Standing
from tenantcheck.run.course import opening_problem
from tenantcheck.run.interruption import Interruption
from tenantcheck.run.plan import TenantRow, Wave
from tenantcheck.run.redraw import Redraw
from tenantcheck.run.runner import Clock, OnWave, Runner
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget
from tests.notation import changed, plan_for, waves
from tests.simulation import make_plan

Answer = Callable[[Call], Reply]
MS = 1_000_000


class FakeSender:
    """Answers at once; the clock moves on a millisecond per request."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.now_ns = 0
        self.connected: list[int] = []
        self.in_flight = self.most_in_flight = 0

    async def connect(self, url: str, connections: int) -> None:  # noqa: ARG002
        self.connected.append(connections)

    async def send(self, call: Call) -> Reply:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.in_flight -= 1
        self.now_ns += MS
        return self.answer(call)

    async def close(self) -> None: ...


def witness(call: Call) -> Reply:
    """The answer of an isolated pool with one environment per tenant."""
    headers = dict(call.headers)
    tenant = headers["x-tenant-id"]
    body = {
        "executionEnvironmentId": f"e-{tenant}",
        "nonce": headers["x-tenantcheck-nonce"],
        "tenantId": tenant,
    }
    return Reply(
        status=200, body=json.dumps(body).encode(), headers=(("X-Cache", "Miss from \x1b[0m"), ("Set-Cookie", "s"))
    )


def nobody_is_served(call: Call) -> Reply:
    """The same, but for requests without a tenant."""
    return witness(call) if "x-tenant-id" in dict(call.headers) else Reply(status=400)


def status(code: int, message: str = "") -> Answer:
    return lambda _: Reply(status=code, body=json.dumps({"message": message}).encode())


class Ran:
    """A finished run and its history."""

    def __init__(
        self,
        tmp_path: Path,
        answer: Answer,
        plan: Plan,
        on_wave: OnWave | None = None,
        **options: Any,
    ) -> None:
        self.sender = FakeSender(answer)
        self.waves: list[Wave] = []
        self.pauses: list[float] = []

        def watch(wave: Wave, observations: Sequence[Observation]) -> Standing:
            self.waves.append(wave)
            if on_wave is not None:
                return on_wave(wave, observations)
            return Standing(finished=True)

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            self.sender.now_ns += round(seconds * 1e9)

        target = HttpTarget(HttpRequestSpec(url="http://127.0.0.1/"))
        target = target.with_rows([TenantRow(id=tenant.id, expect=tenant.id) for tenant in plan.everyone()])
        path = tmp_path / "history"
        with HistoryWriter(path, Header(schedule=SCHEDULE, tool="t", started="", plan=plan)) as writer:

            async def go() -> End:
                clock = Clock(now_ns=lambda: self.sender.now_ns, sleep=pause)
                return await Runner(plan, target, self.sender, writer, watch, clock=clock, **options).run()

            self.end = asyncio.run(go())
        reader = HistoryReader(io.BytesIO(path.read_bytes()))
        self.observations = [observation for wave in reader.waves() for observation in wave]
        assert reader.end == self.end


def plan(**changes: Any) -> Plan:
    return msgspec.structs.replace(make_plan(seed="1", plan=changes.pop("name", "standard")), **changes)


def test_a_whole_plan_is_fired_wave_by_wave(tmp_path: Path) -> None:
    ran = Ran(tmp_path, witness, plan())
    assert ran.end.reason == "complete"
    kinds = [wave.kind for wave in ran.waves]
    assert kinds == [
        "opening",
        *["half"] * 4,
        *["surge"] * 2,
        "crowd",
        "ordered",
        *["newcomers"] * 10,
        "crowd",
    ]
    assert [o.request.seq for o in sorted(ran.observations, key=lambda o: o.call_ns)] == sorted(
        o.request.seq for o in ran.observations
    )
    assert ran.end.requests == len(ran.observations) == sum(len(wave.requests) for wave in ran.waves)


def test_ordered_waves_have_one_request_in_flight_and_crowds_all(tmp_path: Path) -> None:
    assert Ran(tmp_path, witness, plan(name="quick")).sender.most_in_flight == 4
    (tmp_path / "history").unlink()
    ran = Ran(tmp_path, witness, plan())
    ordered = [o for o in ran.observations if o.request.kind == "ordered"]
    assert all(one.end_ns <= next_.call_ns for one, next_ in pairwise(ordered))
    sizes = [len(wave.requests) if wave.in_flight_together else 1 for wave in ran.waves]
    assert ran.sender.connected == sizes


def test_a_target_that_stops_answering_ends_the_run(tmp_path: Path) -> None:
    """
    Given a target that answers the opening wave and nothing after it
    When twenty requests in a row were lost
    Then the run ends, and says so, instead of spending its budget.
    """
    answered = iter(range(4))
    lost = Reply(error_kind="connect", error_text="refused")
    ran = Ran(tmp_path, lambda call: witness(call) if next(answered, None) is not None else lost, plan())
    assert (ran.end.reason, ran.end.requests < 40) == ("unreachable", True)
    assert "stopped answering" in ran.end.detail


def test_a_front_that_drops_newcomers_is_not_dead(tmp_path: Path) -> None:
    deep = plan(name="deep")
    known = {tenant.id for tenant in deep.tenants}

    def answer(call: Call) -> Reply:
        return witness(call) if dict(call.headers)["x-tenant-id"] in known else Reply(error_kind="read")

    assert Ran(tmp_path, answer, deep).end.reason == "complete"


def test_answers_that_have_arrived_survive_an_interruption(tmp_path: Path) -> None:
    """
    Given a wave whose answers arrive in the turn of the loop in which Ctrl-C is handled
    When the run is interrupted
    Then they are kept as they came.
    """
    plan_ = plan(name="quick")
    target = HttpTarget(HttpRequestSpec(url="http://127.0.0.1/"))
    target = target.with_rows([TenantRow(id=tenant.id, expect=tenant.id) for tenant in plan_.everyone()])
    path = tmp_path / "history"

    async def go(writer: HistoryWriter) -> End:
        interrupted = Interruption()
        arrived: list[asyncio.Future[None]] = []

        class Late(FakeSender):
            async def send(self, call: Call) -> Reply:
                arrived.append(asyncio.get_running_loop().create_future())
                if len(arrived) == len(plan_.tenants):
                    asyncio.get_running_loop().call_later(0.01, self.arrive)
                await arrived[-1]
                return witness(call)

            def arrive(self) -> None:
                interrupted.set()
                for future in arrived:
                    future.set_result(None)

        return await Runner(
            plan_, target, Late(witness), writer, lambda *_: Standing(), interrupted=interrupted
        ).run()

    with HistoryWriter(path, Header(schedule=SCHEDULE, tool="t", started="", plan=plan_)) as writer:
        end = asyncio.run(go(writer))
    (wave,) = HistoryReader(io.BytesIO(path.read_bytes())).waves()
    assert (end.reason, [o.outcome for o in wave]) == ("interrupted", ["served"] * 4)


def test_no_more_requests_are_in_flight_than_allowed(tmp_path: Path) -> None:
    ran = Ran(tmp_path, witness, plan(), in_flight=3)
    assert ran.end.reason == "complete"
    assert ran.sender.most_in_flight == 3


def test_what_is_recorded_of_a_response(tmp_path: Path) -> None:
    observation = Ran(tmp_path, witness, plan()).observations[0]
    assert observation.outcome == "served"
    assert observation.headers == {"x-cache": "Miss"}
    assert observation.witness is not None
    assert observation.witness.nonce == observation.request.nonce
    assert (observation.body_bytes > 0, len(observation.body_sha256 or "")) == (True, 64)


def test_the_request_budget(tmp_path: Path) -> None:
    ran = Ran(tmp_path, witness, plan(budgets=Budgets(max_requests=9, max_time_s=9)))
    assert (ran.end.reason, ran.end.requests) == ("max-requests", 8)


def test_the_time_budget_ends_an_ordered_wave(tmp_path: Path) -> None:
    """By the clock of the run, however long the machine takes."""

    def slowly(call: Call) -> Reply:
        time.sleep(0.003)
        return witness(call)

    ran = Ran(
        tmp_path,
        slowly,
        plan(name="quick", budgets=Budgets(max_requests=500, max_time_s=0.0095)),
        on_wave=lambda *_: Standing(),
    )
    assert (ran.end.reason, ran.end.requests) == ("max-time", 10)


def test_after_the_plan_further_ordered_waves_follow(tmp_path: Path) -> None:
    ran = Ran(
        tmp_path,
        witness,
        plan(name="quick", budgets=Budgets(max_requests=90, max_time_s=9)),
        on_wave=lambda *_: Standing(),
    )
    assert [len(wave.requests) for wave in ran.waves] == [4, 48, 16, 16]
    assert ran.end.reason == "max-requests"


def test_on_wave_ends_the_run(tmp_path: Path) -> None:
    ran = Ran(tmp_path, witness, plan(), on_wave=lambda *_: Standing(breached=True))
    assert (ran.end.reason, ran.end.waves) == ("breach", 1)


def test_idle_gaps_are_kept(tmp_path: Path) -> None:
    assert [pause for pause in Ran(tmp_path, witness, plan(idle_s=(5.0,))).pauses if pause > 1] == [5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (
            lambda _: Reply(error_kind="connect", error_text="refused"),
            "unreachable",
            "no request was answered: refused",
        ),
        (status(403, "no: Bearer hunter2"), "no-credentials", "every tenant was refused: HTTP 403"),
        (status(405), "refused", "(HTTP 405): are tenant and credentials"),
        (status(404), "no-function", "there is nothing at this URL: HTTP 404"),
        (status(403, "Missing Authentication Token"), "no-function", "API Gateway has no such path, method or stage"),
        (status(307), "redirected", "every request was sent elsewhere (HTTP 307)"),
        (status(200), "no-witness", "none of the answers said which environment served it"),
        (status(500), "no-witness", "every request failed (HTTP 500): look at the function's logs"),
        (status(429), "limited", "every request was turned away from the first one on: HTTP 429"),
        (lambda _: Reply(status=200, body=b"<html>"), "no-witness", "the body is an HTML page"),
    ],
)
def test_nothing_can_be_learnt(tmp_path: Path, answer: Answer, reason: str, detail: str) -> None:
    end = Ran(tmp_path, answer, plan()).end
    assert end.reason == reason
    assert detail in end.detail
    assert "hunter2" not in end.detail


@pytest.mark.parametrize("code", [503, 500, 429])
def test_a_service_that_fails_until_it_is_warm_is_asked_again(tmp_path: Path, code: int) -> None:
    answers, drawn = iter(range(1000)), plan()
    ran = Ran(tmp_path, lambda call: Reply(status=code) if next(answers) < 4 else witness(call), drawn)
    assert ran.end.reason == "complete"
    assert [each.request.kind for each in ran.observations[:8]] == ["opening"] * 8
    redraw = Redraw(drawn)
    for _, wave in groupby(ran.observations, key=lambda o: o.request.wave):
        redraw.add([*wave])
    assert redraw.ended(ran.end.reason) == ""


def test_a_service_that_never_gets_warm_is_asked_twice(tmp_path: Path) -> None:
    ran = Ran(tmp_path, status(503), plan())
    assert (ran.end.reason, ran.end.requests) == ("limited", 8)


def test_two_throttled_waves_in_a_row_end_the_run(tmp_path: Path) -> None:
    answers = iter(range(1000))

    def sometimes(call: Call) -> Reply:
        return witness(call) if next(answers) < 4 else Reply(status=429)

    ran = Ran(tmp_path, sometimes, plan())
    assert (ran.end.reason, ran.end.waves) == ("throttled", 3)


def test_an_interruption_keeps_what_was_sent_as_lost(tmp_path: Path) -> None:
    """
    Given a run with a wave in flight
    When it is interrupted
    Then every request of the wave is in the history, those without an answer as lost, and the end line says so.
    """
    interrupted: list[Interruption] = []

    class Hanging(FakeSender):
        async def send(self, call: Call) -> Reply:
            if len(interrupted) and call.headers[-1][1][27:35] == "00000000":
                interrupted[0].set()
            await asyncio.sleep(3600)
            raise AssertionError

    plan_ = plan()
    path = tmp_path / "history"
    target = HttpTarget(HttpRequestSpec(url="http://127.0.0.1/"))
    target = target.with_rows([TenantRow(id=tenant.id, expect=tenant.id) for tenant in plan_.everyone()])
    with HistoryWriter(path, Header(schedule=SCHEDULE, tool="t", started="", plan=plan_)) as writer:

        async def go() -> End:
            interrupted.append(Interruption())
            runner = Runner(
                plan_, target, Hanging(witness), writer, lambda *_: Standing(), interrupted=interrupted[0]
            )
            return await runner.run()

        end = asyncio.run(go())
    reader = HistoryReader(io.BytesIO(path.read_bytes()))
    (wave,) = reader.waves()
    assert end.reason == "interrupted"
    assert [(o.outcome, o.error_kind) for o in wave] == [("lost", "interrupted")] * 4


@pytest.mark.parametrize("turns", range(1, 40, 3))
def test_however_a_run_breaks_off_its_end_line_agrees_with_the_records(tmp_path: Path, turns: int) -> None:
    """
    Given a run whose task is cancelled after some turns of the loop, as Ctrl-C does before it is handled
    When the history is read
    Then its end line counts the requests and waves that are there.
    """
    plan_ = plan()
    target = HttpTarget(HttpRequestSpec(url="http://127.0.0.1/"))
    target = target.with_rows([TenantRow(id=tenant.id, expect=tenant.id) for tenant in plan_.everyone()])
    path = tmp_path / "history"

    async def go(writer: HistoryWriter) -> None:
        runner = Runner(plan_, target, FakeSender(witness), writer, lambda *_: Standing())
        task = asyncio.ensure_future(runner.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    with HistoryWriter(path, Header(schedule=SCHEDULE, tool="t", started="", plan=plan_)) as writer:
        asyncio.run(go(writer))
    reader = HistoryReader(io.BytesIO(path.read_bytes()))
    read = list(reader.waves())
    assert reader.end is not None
    assert (reader.end.reason, reader.end.requests, reader.end.waves) == ("failed", sum(map(len, read)), len(read))


def test_an_interruption_ends_an_idle_gap(tmp_path: Path) -> None:
    event = Interruption()

    def interrupt(wave: Wave, _: Sequence[Observation]) -> Standing:
        if wave.kind == "ordered":
            event.set()
        return Standing()

    ran = Ran(tmp_path, witness, plan(idle_s=(5.0,)), on_wave=interrupt, interrupted=event)
    assert ran.end.reason == "interrupted"
    assert not [pause for pause in ran.pauses if pause > 1]


def test_calls_before_the_waves_are_sent_first_one_at_a_time(tmp_path: Path) -> None:
    ran = Ran(tmp_path, nobody_is_served, plan(kind="invoke", tenant_place="invoke"))
    purposes = [(o.request.purpose, o.request.tenant is None) for o in ran.observations[:3]]
    assert purposes == [("not-isolated", True), ("not-isolated", False), ("wave", False)]


def test_an_error_in_between_leaves_an_end_line(tmp_path: Path) -> None:
    def broken(*_: object) -> Standing:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Ran(tmp_path, witness, plan(), on_wave=broken)
    reader = HistoryReader(io.BytesIO((tmp_path / "history").read_bytes()))
    assert len(list(reader.waves())) == 1
    assert reader.end is not None
    assert reader.end.reason == "failed"


def test_a_request_that_can_not_be_recorded_ends_its_wave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a crowd in which recording one answer fails
    When the run breaks off
    Then nothing is written behind the end line: the history can be read.
    """
    written: list[Observation] = []
    original = HistoryWriter.observation

    def fail_once(self: HistoryWriter, observation: Observation) -> None:
        written.append(observation)
        if len(written) == 2:
            raise TenantcheckError("the disk is full")
        original(self, observation)

    monkeypatch.setattr(HistoryWriter, "observation", fail_once)
    with pytest.raises(TenantcheckError, match="the disk is full"):
        Ran(tmp_path, witness, plan())
    reader = HistoryReader(io.BytesIO((tmp_path / "history").read_bytes()))
    (wave,) = reader.waves()
    assert len(wave) < 4
    assert reader.end is not None
    assert reader.end.reason == "failed"


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        (["denied"] * 4, "no-credentials"),
        (["denied", None, None, None], "refused"),
        ([None, None, None, "absent"], "no-function"),
    ],
)
def test_refusals_by_aws(outcomes: list[str | None], reason: str) -> None:
    (opening,) = waves("o a1 b2 c3 d4", plan_for("abcd"))
    observations = [
        changed(outcome=outcome, witness=None)(observation) if outcome else observation
        for outcome, observation in zip(outcomes, opening, strict=True)
    ]
    stop = opening_problem(observations)
    assert stop is not None
    assert stop.reason == reason


@pytest.mark.parametrize("code", [500, 502, 403])
def test_the_witness_of_an_error_is_kept(tmp_path: Path, code: int) -> None:
    """It is no match, but an environment that it names was met."""

    def fails(call: Call) -> Reply:
        return Reply(status=code, body=witness(call).body)

    observations = Ran(tmp_path, fails, plan()).observations
    assert all(o.witness is not None and o.outcome != "served" for o in observations)


def test_a_crowd_starts_spread_over_two_answers(tmp_path: Path) -> None:
    ran = Ran(tmp_path, witness, plan())
    crowds = [wave for wave in ran.waves if wave.kind == "crowd"]
    assert len(crowds) == 2
    for wave in crowds:
        assert list(wave.starts_s) == sorted(wave.starts_s)
        assert len(wave.starts_s) == len(wave.requests)
        assert 0 <= wave.starts_s[0] < wave.starts_s[-1] <= 2 * 48 * MS / 1e9
    assert all(pause > 0 for pause in ran.pauses)


class Slow(FakeSender):
    """Connects for as long as one lets it, and answers with a body that takes long to read."""

    async def connect(self, url: str, connections: int) -> None:  # noqa: ARG002
        await asyncio.sleep(3600)


@pytest.mark.parametrize("end", ["timeout", "max-time", "interrupted"])
def test_connecting_ahead_ends_with_the_request_the_run_and_the_patience(tmp_path: Path, end: str) -> None:
    """
    Given a client that connects ahead for ever
    When the time limit of a request, the time of the run or the user ends it
    Then the run goes on, or ends, at once.
    """
    plan_ = plan(timeout_s=0.05 if end == "timeout" else 3600.0, budgets=Budgets(max_requests=4, max_time_s=None))
    if end == "max-time":
        plan_ = msgspec.structs.replace(plan_, budgets=Budgets(max_requests=4, max_time_s=0.1))
    interrupted = Interruption()
    target = HttpTarget(HttpRequestSpec(url="http://127.0.0.1/"))
    target = target.with_rows([TenantRow(id=tenant.id, expect=tenant.id) for tenant in plan_.everyone()])

    async def go(writer: HistoryWriter) -> End:
        if end == "interrupted":
            asyncio.get_running_loop().call_later(0.05, interrupted.set)
        runner = Runner(plan_, target, Slow(witness), writer, lambda *_: Standing(), interrupted=interrupted)
        return await asyncio.wait_for(runner.run(), 60)

    with HistoryWriter(tmp_path / "h", Header(schedule=SCHEDULE, tool="t", started="", plan=plan_)) as writer:
        ended = asyncio.run(go(writer))
    expected = {"timeout": ("max-requests", 4), "max-time": ("max-time", 0), "interrupted": ("interrupted", 0)}
    assert (ended.reason, ended.requests) == expected[end]


@pytest.mark.parametrize("why", ["max-time", "interrupted"])
def test_answers_are_not_read_for_long_when_the_run_is_over(tmp_path: Path, why: str) -> None:
    """
    Given a wave whose answers all arrive together and take a second each to read
    When the time is over, or the run interrupted, while the second one is read
    Then the others are recorded as lost, unread.
    """
    interrupted = Interruption()

    class Reading(FakeSender):
        async def send(self, call: Call) -> Reply:
            reply = await super().send(call)
            self.now_ns += 1_000 * MS
            if why == "interrupted" and self.now_ns > 1_500 * MS:
                interrupted.set()
            return reply

    most_s = 1.5 if why == "max-time" else 3600.0
    plan_ = plan(budgets=Budgets(max_requests=100, max_time_s=most_s))
    target = HttpTarget(HttpRequestSpec(url="http://127.0.0.1/"))
    target = target.with_rows([TenantRow(id=tenant.id, expect=tenant.id) for tenant in plan_.everyone()])
    path = tmp_path / "h"
    with HistoryWriter(path, Header(schedule=SCHEDULE, tool="t", started="", plan=plan_)) as writer:

        async def go() -> End:
            sender = Reading(witness)
            clock = Clock(now_ns=lambda: sender.now_ns)
            runner = Runner(
                plan_, target, sender, writer, lambda *_: Standing(), clock=clock, interrupted=interrupted
            )
            return await runner.run()

        ended = asyncio.run(go())
    (wave,) = HistoryReader(io.BytesIO(path.read_bytes())).waves()
    assert ended.reason == why
    assert sorted(o.outcome for o in wave) == ["lost", "lost", "served", "served"]
    kinds = {"max-time": "timeout", "interrupted": "interrupted"}
    assert {o.error_kind for o in wave if o.outcome == "lost"} == {kinds[why]}


def throttles_after(count: int, reply: Reply) -> Answer:
    """Serves so many requests, and refuses what follows."""
    sent = 0

    def answer(call: Call) -> Reply:
        nonlocal sent
        sent += 1
        return witness(call) if sent <= count else reply

    return answer


@pytest.mark.parametrize("status_", [403, 429, 503])
def test_a_service_that_begins_to_refuse_is_not_sent_more(tmp_path: Path, status_: int) -> None:
    """
    Given a firewall that refuses everybody after 60 requests
    When 20 in a row were refused, of tenants that had been served
    Then the run ends there, in the middle of a wave, and says why.
    """
    answer = throttles_after(60, Reply(status=status_))
    ran = Ran(tmp_path, answer, plan(name="quick", ordered_requests=50), on_wave=lambda *_: Standing())
    assert ran.end.reason == "refusing"
    assert ran.end.requests == 80
    assert f"HTTP {status_}" in ran.end.detail
    assert "--rate" in ran.end.detail


def test_a_service_that_says_how_long_to_wait_is_left_alone_once_in_a_wave(tmp_path: Path) -> None:
    answer = throttles_after(60, Reply(status=429, headers=(("Retry-After", "7"),)))
    ran = Ran(tmp_path, answer, plan(name="quick", ordered_requests=50), on_wave=lambda *_: Standing())
    assert ran.end.reason == "refusing"
    assert ran.end.requests == 100
    assert [round(pause, 1) for pause in ran.pauses] == [7.0]


def test_between_waves_it_is_left_alone_as_well(tmp_path: Path) -> None:
    def answer(call: Call) -> Reply:
        number = int(call.headers[-1][1][27:35])
        return Reply(status=503, headers=(("retry-after", "3"),)) if number == 5 else witness(call)

    ran = Ran(tmp_path, answer, plan())
    assert ran.end.reason == "complete"
    assert 3.0 in ran.pauses


def test_requests_keep_to_a_rate_and_a_limit_in_flight(tmp_path: Path) -> None:
    ran = Ran(tmp_path, witness, plan(rate=100.0, in_flight=3))
    assert ran.sender.most_in_flight == 3
    assert sum(ran.pauses) > 0
    assert ran.end.reason == "complete"
