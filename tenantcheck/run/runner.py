"""Fire the waves of a plan and record what comes back. Knows nothing of checks: it is handed `on_wave`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tenantcheck.errors import TenantcheckError
from tenantcheck.model import WAVE, End, Observation, Plan, Reply, Request, Sighting, Standing
from tenantcheck.model import nonce as nonces
from tenantcheck.model.call import Call
from tenantcheck.model.sighted import all_sighted
from tenantcheck.run.course import Course, Stop
from tenantcheck.run.interruption import Interruption
from tenantcheck.run.log_witness import LogReader, LogWitness
from tenantcheck.run.pace import Pace
from tenantcheck.run.plan import Schedule, Wave
from tenantcheck.run.senders import ConnectsAhead, Sender
from tenantcheck.run.targets import Target, kept_headers, media_type
from tenantcheck.run.witness import WitnessReader, shape_of

_INTERRUPTED = Reply(error_kind="interrupted", error_text="the run was interrupted")
_TIME_OVER = Reply(error_kind="timeout", error_text="the time of the run was over")
#: Requests of one wave in flight at the most: a laptop's descriptors and memory hold as many.
MAX_IN_FLIGHT = 1_000
#: Answers that have arrived when a run is over are still read for so long, in seconds.
_GRACE_S = 0.05

#: Requests of rounds after the plan that may wait for the logs together.
_UNREAD_MOST = 200

OnWave = Callable[[Wave, Sequence[Observation]], Standing]
OnReply = Callable[[Observation, Call, Reply], None]


class Recorder(Protocol):
    """What observations are written to: a history, as a rule."""

    def observation(self, observation: Observation, /) -> None:
        """Take in one."""
        ...

    def sighting(self, sighting: Sighting, /) -> None:
        """Take in what the logs told about a request."""
        ...

    def flush(self) -> None:
        """Put everything that was taken in where it belongs. Raises `TenantcheckError` where that can't be done."""
        ...

    def end(self, end: End, /) -> None:
        """Take in how the run ended."""
        ...


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time as the runner sees it: one of the two seams that tests may replace."""

    now_ns: Callable[[], int] = time.monotonic_ns
    wall_s: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Runner:
    """Runs one plan against one target.

    `on_wave` is handed each wave that has ended, and says how things stand. `in_flight` bounds the requests of a wave
    that are in flight together. `interrupted` is set from outside to stop; what is in flight then counts as lost.
    `schedule` replaces the plan's own, for measurements. `logs` tells which environment served each request, where
    the answers do not: behind the opening, and when the plan is done. `on_reply` is handed everything that comes
    back, secrets included.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target,
        sender: Sender,
        writer: Recorder,
        on_wave: OnWave,
        *,
        in_flight: int = MAX_IN_FLIGHT,
        interrupted: Interruption | None = None,
        clock: Clock | None = None,
        schedule: Schedule | None = None,
        on_reply: OnReply | None = None,
        logs: LogReader | None = None,
    ) -> None:
        self._plan = plan
        self._target = target
        self._sender = sender
        self._writer = writer
        self._on_wave = on_wave
        self._in_flight = min(in_flight, plan.in_flight or in_flight)
        self._pace = Pace(plan.in_flight)
        self._interrupted = interrupted or Interruption()
        self._clock = clock or Clock()
        self._on_reply = on_reply
        self._reader = WitnessReader(plan.witness_paths, target.secrets, at=plan.witness_at)
        self._course = Course(plan, schedule)
        self._logs = (
            None
            if logs is None
            else LogWitness(
                plan,
                logs,
                writer,
                now_ns=self._clock.now_ns,
                sleep=self._clock.sleep,
                interrupted=self._interrupted,
            )
        )
        self._held: list[tuple[Wave, Sequence[Observation]]] = []
        """Waves that are not judged yet: the logs have not told of them."""
        self._waited_ns = 0
        """Spent on waiting for the logs, on top of the time of the run."""
        self._start_ns = 0
        self._requests = 0
        self._waves = 0
        self._last_wave = -1
        self._over_ns: int | None = None
        """When what was in flight was given up, because of an interruption or for want of time."""
        self._refused: Stop | None = None
        """Why the rest of a wave was not sent."""
        self._flushing = False
        self._unwritable: TenantcheckError | None = None

    async def run(self) -> End:
        """Fire waves until the plan, a budget or `on_wave` ends the run; writes the end line."""
        self._start_ns = self._clock.now_ns()
        stop = Stop(reason="failed", detail="the run was broken off")
        try:
            stop = await self._run()
            if self._held:
                await self._judged()
        finally:
            end = End(
                reason=stop.reason,
                detail=stop.detail,
                requests=self._requests,
                waves=self._waves,
                duration_ns=self._now_ns(),
            )
            self._writer.end(end)
        return end

    async def _run(self) -> Stop:
        while True:
            wave = self._course.next()
            if isinstance(wave, Stop):
                return wave
            if (stop := await self._wave(wave)) is not None:
                return stop

    async def _wave(self, wave: Wave) -> Stop | None:
        """Fire one wave."""
        if (pause_s := self._course.pause_s(wave)) > 0:
            await self._in_time(self._clock.sleep(pause_s))  # the environments lie idle
        workers = min(len(wave.requests), self._in_flight) if wave.in_flight_together else 1
        await self._in_time(self._target.refresh())
        await self._connect(workers)
        if (stop := self._out_of_time()) is not None:
            return stop
        calls = self._prepared(wave) if wave.in_flight_together else self._just_in_time(wave)
        observations: Sequence[Observation] = await self._fire(wave, calls, workers)
        self._flush()
        self._raise_unwritable()
        if not observations:
            return self._out_of_time() or Stop(reason="interrupted")
        self._course.took(wave, observations)
        if self._course.left_out:
            self._target.leave_out(self._course.left_out)
        self._held.append((wave, observations))
        standing = Standing()
        if self._logs is None or not self._course.opened or not self._more_before_logs(wave):
            observations, standing = await self._judged()
        if self._interrupted.is_set():
            return Stop(reason="interrupted")
        if self._logs is not None and self._logs.problem:
            return Stop(reason="failed", detail=self._logs.problem)
        stop = self._course.after(wave, observations, standing) or self._refused
        if self._over_ns is not None and wave.kind != "opening":  # if nobody answered that one, it says so
            return stop or Stop(reason="max-time")
        return stop or self._out_of_time()

    def _more_before_logs(self, wave: Wave) -> bool:
        """Whether waves go on before the logs are asked: they are behind by seconds."""
        unread = sum(len(observations) for _, observations in self._held)
        return wave.planned_left > 0 or (self._course.soaking and unread < _UNREAD_MOST)

    async def _judged(self) -> tuple[Sequence[Observation], Standing]:
        """The last wave, with what the logs told of it, and how things stand behind it."""
        told: Sequence[Observation] = ()
        standing = Standing()
        held, self._held = self._held, []
        sightings: Mapping[int, Sighting] = {}
        if self._logs is not None:
            began_ns = self._now_ns()
            sent_ms = round(self._clock.wall_s() * 1e3 - began_ns / 1e6)
            sightings = await self._logs.of([o for _, each in held for o in each], sent_ms)
            self._waited_ns += self._now_ns() - began_ns
            self._raise_unwritable()
        for wave, observations in held:
            told = observations if self._logs is None else all_sighted(observations, sightings)
            standing = self._on_wave(wave, told)
        return told, standing

    async def _connect(self, connections: int) -> None:
        if isinstance(self._sender, ConnectsAhead):
            await self._in_time(self._sender.connect(self._target.url, connections), self._plan.timeout_s)

    async def _in_time(self, work: Awaitable[Any], limit_s: float | None = None) -> None:
        """Wait for `work`, but no longer than `limit_s`, than the time of the run lasts, or until an interruption."""
        left_s = max(0.0, self._left_s())
        waiting = asyncio.ensure_future(self._interrupted.wait())
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait(
                (waiting, working),
                timeout=left_s if limit_s is None else min(limit_s, left_s),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiting.cancel()
            working.cancel()
        if working.done():
            working.result()
            return
        await asyncio.wait((working,), timeout=_GRACE_S)
        if working.done() and not working.cancelled():
            working.exception()  # nobody waits for it any more

    def _left_s(self) -> float:
        return self._course.max_time_s - (self._now_ns() - self._waited_ns) / 1e9

    def _out_of_time(self) -> Stop | None:
        if self._interrupted.is_set():
            return Stop(reason="interrupted")
        if self._left_s() <= 0:
            return Stop(reason="max-time")
        return None

    def _prepared(self, wave: Wave) -> Iterator[tuple[Request, Call]]:
        """All requests signed and encoded before the first is sent."""
        return iter([(request, self._target.prepare(request)) for request in wave.requests])

    def _just_in_time(self, wave: Wave) -> Iterator[tuple[Request, Call]]:
        """Each request is signed just before it is sent: a long wave outlives a signature. Signing takes the
        same time for every tenant, and nothing else is in flight that it could delay."""
        for position, request in enumerate(wave.requests):
            if position and self._out_of_time() is not None:
                return
            yield request, self._target.prepare(request)

    async def _fire(self, wave: Wave, calls: Iterator[tuple[Request, Call]], workers: int) -> list[Observation]:
        """Send `calls` in their order, so many in flight together, each when it starts; an interruption ends those in
        flight. Where a service refuses everybody it is left alone once for as long as it says; then nothing more is
        sent."""
        observations: list[Observation] = []
        began_ns = self._now_ns()
        starts = iter(wave.starts_s)
        waited = False
        self._refused = None

        async def work() -> None:
            nonlocal waited
            for request, call in calls:
                await self._turn(wave, request, began_ns / 1e9 + next(starts, 0.0))
                if self._refused is not None:
                    return
                observation = await self._one(request, call)
                observations.append(observation)
                if self._interrupted.is_set() or self._over_ns is not None:
                    return
                refused = self._course.saw(observation)
                if refused is not None and refused.retry_after_s and not waited:
                    waited = True
                    self._pace.hold(self._now_ns() / 1e9 + refused.retry_after_s)
                elif refused is not None:
                    self._refused = refused.stop

        try:
            async with asyncio.TaskGroup() as group:
                working = [group.create_task(work()) for _ in range(workers)]
                with self._ending(working):
                    await asyncio.wait(working)
        except BaseExceptionGroup as errors:
            # One is enough to say what happened; the others were ended because of it.
            raise errors.exceptions[0] from None
        return observations

    async def _turn(self, wave: Wave, request: Request, start_s: float) -> None:
        """Wait until a request may start."""
        together, now_s = wave.in_flight_together, self._now_ns() / 1e9
        wait_s = self._pace.wait_s(now_s, self._course.rate, together=together, first=request.slot == 0)
        if (wait_s := max(wait_s, start_s - now_s)) > 0:
            await self._clock.sleep(wait_s)

    @contextmanager
    def _ending(self, working: Sequence[asyncio.Task[None]]) -> Iterator[None]:
        """End what is in flight when the run is interrupted, or its time is over."""
        loop = asyncio.get_running_loop()

        def cancel() -> None:
            for task in working:
                task.cancel()

        def stop() -> None:
            self._give_up()
            loop.call_soon(cancel)  # answers that have arrived are taken first

        timer: asyncio.Handle | None = None

        def look_at_the_clock() -> None:
            nonlocal timer
            if (left_s := self._left_s()) > 0:
                timer = loop.call_later(left_s, look_at_the_clock)
            else:
                stop()

        timer = loop.call_soon(look_at_the_clock)
        try:
            with self._interrupted.calls(stop):
                yield
        finally:
            if timer is not None:
                timer.cancel()

    async def _one(self, request: Request, call: Call) -> Observation:
        """Send one request and record what came back."""
        self._raise_unwritable()
        call_ns = self._now_ns()
        try:
            reply = await self._sender.send(call)
        except asyncio.CancelledError:
            if self._over_ns is None:
                raise
            reply = self._given_up()
        if self._out_of_time() is not None:
            self._give_up()
            if self._over_ns is not None and self._now_ns() - self._over_ns > _GRACE_S * 1e9:
                reply = self._given_up()  # reading takes its time, too, and nobody waits for it any more
        observation = self._observation(request, reply, call_ns, self._now_ns())
        if self._on_reply is not None:
            self._on_reply(observation, call, reply)
        self._writer.observation(observation)
        # Counted as they are recorded: the end line agrees with the records, however a run breaks off.
        self._requests += 1
        if request.wave != self._last_wave:
            self._last_wave = request.wave
            self._waves += 1
        if not self._flushing:
            # Answers that arrive together are written together, before the next ones are looked at.
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)
        return observation

    def _give_up(self) -> None:
        if self._over_ns is None:
            self._over_ns = self._now_ns()

    def _given_up(self) -> Reply:
        return _INTERRUPTED if self._interrupted.is_set() else _TIME_OVER

    def _flush(self) -> None:
        self._flushing = False
        try:
            self._writer.flush()
        except TenantcheckError as error:
            self._unwritable = error

    def _raise_unwritable(self) -> None:
        if self._unwritable is not None:
            raise self._unwritable

    def _observation(self, request: Request, reply: Reply, call_ns: int, end_ns: int) -> Observation:
        own_tag = nonces.tag_of(request.nonce)
        around = self._target.opened(reply)
        inner, proxy_status = (None, None) if around is None else (around.body, around.status)
        reading = self._reader.read(reply.body, reply.headers, own_tag=own_tag, inner=inner)
        witness = reading.witness if reply.status is not None else None
        outside = request.purpose != WAVE and reply.status is not None
        outcome = self._target.outcome(reply, witnessed=witness is not None, proxy_status=proxy_status)
        return Observation(
            request=request,
            call_ns=call_ns,
            first_byte_ns=None if reply.first_byte_ns is None else reply.first_byte_ns - self._start_ns,
            end_ns=end_ns,
            outcome=outcome.kind,
            status=reply.status,
            error_kind=outcome.error_kind,
            error_text=outcome.error_text,
            # That of an error too: it is no match, but an environment that it names was met.
            witness=witness,
            witness_errors=reading.errors if outcome.kind in ("served", "no-witness") else (),
            seen=reading.seen,
            platform=self._target.platform(reply),
            headers=self._kept(reply, typed=outside or witness is None),
            body_bytes=len(reply.body),
            body_sha256=hashlib.sha256(reply.body).hexdigest() if reply.body else None,
            shape=shape_of(inner or reply.body) if outside else None,
            truncated=reply.truncated,
        )

    def _kept(self, reply: Reply, *, typed: bool) -> dict[str, str]:
        """The headers that a history keeps; `typed` adds the type of the body."""
        kept = kept_headers(reply, self._target.secrets)
        if typed and (named := media_type(reply, self._target.secrets)) is not None:
            kept["content-type"] = named
        return kept

    def _now_ns(self) -> int:
        return self._clock.now_ns() - self._start_ns
