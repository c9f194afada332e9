"""Fire the waves of a plan and record what comes back. Knows nothing of checks: it is handed `on_wave`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from tenantcheck.errors import TenantcheckError
from tenantcheck.history import HistoryWriter
from tenantcheck.model import End, EndReason, Observation, Plan, Reply, Request
from tenantcheck.model import nonce as nonces
from tenantcheck.model.boundary import Attack
from tenantcheck.model.call import Call
from tenantcheck.plan import Schedule, Wave
from tenantcheck.senders import ConnectsAhead, Sender
from tenantcheck.targets import Target, kept_headers
from tenantcheck.witness import WitnessReader

#: Two waves in a row with a larger share of throttled requests end the run.
MAX_THROTTLED = 0.2
#: So many lost requests in a row, a whole wave among them, mean that nobody answers any more.
MAX_LOST_IN_A_ROW = 20

#: Errors of AWS that mean: these credentials are not accepted.
_CREDENTIAL_ERRORS = frozenset(
    {
        "ExpiredTokenException",
        "ExpiredToken",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "InvalidClientTokenId",
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
    }
)


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Why a run ends now."""

    reason: EndReason
    detail: str = ""


_INTERRUPTED = Reply(error_kind="interrupted", error_text="the run was interrupted")
_TIME_OVER = Reply(error_kind="timeout", error_text="the time of the run was over")
#: Requests of one wave in flight at the most: a laptop's descriptors and memory hold as many.
MAX_IN_FLIGHT = 1_000

OnWave = Callable[[Wave, Sequence[Observation]], Stop | None]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time as the runner sees it: one of the two seams that tests may replace."""

    now_ns: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Runner:
    """Runs one plan against one target.

    `preludes` are requests outside the waves, one at a time before them. `in_flight` bounds the requests of a wave
    that are in flight together. `interrupted` is set from outside to stop; what is in flight then counts as lost.
    `schedule` replaces the plan's own, for measurements.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target,
        sender: Sender,
        writer: HistoryWriter,
        on_wave: OnWave,
        *,
        preludes: Sequence[Attack] = (),
        in_flight: int = MAX_IN_FLIGHT,
        interrupted: asyncio.Event | None = None,
        clock: Clock | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        self._plan = plan
        self._target = target
        self._sender = sender
        self._writer = writer
        self._on_wave = on_wave
        self._preludes = preludes
        self._in_flight = in_flight
        self._interrupted = interrupted or asyncio.Event()
        self._clock = clock or Clock()
        self._reader = WitnessReader(plan.witness_paths)
        self._schedule = schedule or Schedule(plan)
        self._start_ns = 0
        self._requests = 0
        self._waves = 0
        self._prospects = Prospects()
        self._time_is_over = False
        self._flushing = False
        self._unwritable: TenantcheckError | None = None

    async def run(self) -> End:
        """Fire waves until the plan, a budget or `on_wave` ends the run; writes the end line."""
        self._start_ns = self._clock.now_ns()
        stop = Stop(reason="failed", detail="the run was broken off")
        try:
            stop = await self._run()
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
        preludes = [self._schedule.single(prelude) for prelude in self._preludes]
        while True:
            wave = preludes.pop(0) if preludes else self._schedule.next() or self._schedule.further()
            if self._requests + len(wave.requests) > self._plan.budgets.max_requests:
                return Stop(reason="max-requests")
            if (stop := await self._wave(wave)) is not None:
                return stop

    async def _wave(self, wave: Wave) -> Stop | None:
        if wave.idle_before_s:
            await self._pause(wave.idle_before_s)
        if (stop := self._out_of_time()) is not None:
            return stop
        await self._target.refresh()
        if wave.together:
            calls = [self._target.prepare(request) for request in wave.requests]
            workers = min(len(calls), self._in_flight)
            await self._connect(workers)
            observations = await self._fire(zip(wave.requests, calls, strict=True), workers)
        else:
            await self._connect(1)
            observations = await self._fire(self._just_in_time(wave), 1)
        self._flush()
        self._raise_unwritable()
        self._waves += 1
        self._schedule.ended(observations)
        stop = self._on_wave(wave, observations)
        if self._interrupted.is_set():
            return Stop(reason="interrupted")
        if self._time_is_over and wave.kind != "opening":  # if nobody answered that one, it says so
            return stop or Stop(reason="max-time")
        return stop or self._prospects.after(wave, observations) or self._out_of_time()

    async def _connect(self, connections: int) -> None:
        if isinstance(self._sender, ConnectsAhead):
            await self._sender.connect(self._target.url, connections)

    def _out_of_time(self) -> Stop | None:
        if self._interrupted.is_set():
            return Stop(reason="interrupted")
        if self._now_ns() >= self._plan.budgets.max_time_s * 1e9:
            return Stop(reason="max-time")
        return None

    async def _pause(self, seconds: float) -> None:
        """Leave the environments idle; an interruption ends the pause."""
        waiting = asyncio.ensure_future(self._interrupted.wait())
        pause = asyncio.ensure_future(self._clock.sleep(seconds))
        _, pending = await asyncio.wait((waiting, pause), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    def _just_in_time(self, wave: Wave) -> Iterator[tuple[Request, Call]]:
        """Each request is signed just before it is sent: a long wave outlives a signature. Signing takes the
        same time for every tenant, and nothing else is in flight that it could delay."""
        for position, request in enumerate(wave.requests):
            if position and self._out_of_time() is not None:
                return
            yield request, self._target.prepare(request)

    async def _fire(self, calls: Iterator[tuple[Request, Call]], workers: int) -> list[Observation]:
        """Send `calls` in their order, so many in flight together; an interruption ends those in flight."""
        observations: list[Observation] = []

        async def work() -> None:
            for request, call in calls:
                observations.append(await self._one(request, call))
                if self._interrupted.is_set() or self._time_is_over:
                    return

        try:
            async with asyncio.TaskGroup() as group:
                working = [group.create_task(work()) for _ in range(workers)]
                stopping = group.create_task(self._stop_when_interrupted(working))
                await asyncio.wait(working)
                stopping.cancel()
        except BaseExceptionGroup as errors:
            # One is enough to say what happened; the others were ended because of it.
            raise errors.exceptions[0] from None
        return observations

    async def _stop_when_interrupted(self, working: Sequence[asyncio.Task[None]]) -> None:
        """End what is in flight when the run is interrupted, or its time is over."""
        try:
            async with asyncio.timeout(self._plan.budgets.max_time_s - self._now_ns() / 1e9):
                await self._interrupted.wait()
        except TimeoutError:
            self._time_is_over = True
        await asyncio.sleep(0)  # answers that have arrived are taken first
        for task in working:
            task.cancel()

    async def _one(self, request: Request, call: Call) -> Observation:
        """Send one request and record what came back."""
        self._raise_unwritable()
        call_ns = self._now_ns()
        self._requests += 1
        try:
            reply = await self._sender.send(call)
        except asyncio.CancelledError:
            if self._interrupted.is_set():
                reply = _INTERRUPTED
            elif self._time_is_over:
                reply = _TIME_OVER
            else:
                raise
        observation = self._observation(request, reply, call_ns, self._now_ns())
        self._writer.observation(observation)
        if not self._flushing:
            # Answers that arrive together are written together, before the next ones are looked at.
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)
        return observation

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
        reading = self._reader.read(reply.body, reply.headers, own_tag=own_tag, unwrap=self._target.unwraps)
        witness = reading.witness if reply.status is not None else None
        outcome = self._target.outcome(reply, witnessed=witness is not None, proxy_status=reading.proxy_status)
        return Observation(
            request=request,
            call_ns=call_ns,
            first_byte_ns=None if reply.first_byte_ns is None else reply.first_byte_ns - self._start_ns,
            end_ns=end_ns,
            outcome=outcome.kind,
            status=reply.status,
            error_kind=outcome.error_kind,
            error_text=outcome.error_text,
            # An error reply is no witness, whatever its body says.
            witness=witness if outcome.kind != "function-error" else None,
            witness_errors=reading.errors if outcome.kind in ("served", "no-witness") else (),
            seen=reading.seen,
            platform=self._target.platform(reply),
            headers=kept_headers(reply),
            body_bytes=len(reply.body),
            body_sha256=hashlib.sha256(reply.body).hexdigest() if reply.body else None,
            truncated=reply.truncated,
        )

    def _now_ns(self) -> int:
        return self._clock.now_ns() - self._start_ns


class Prospects:
    """Whether going on can teach anything, wave by wave."""

    def __init__(self) -> None:
        self._throttled_before = False
        self._opened = False
        self._lost_in_a_row = 0

    def after(self, wave: Wave, observations: Sequence[Observation]) -> Stop | None:
        """Why the run had better end after this wave, or None."""
        throttled = sum(o.outcome == "throttled" for o in observations) > MAX_THROTTLED * len(observations)
        if throttled and self._throttled_before:
            return Stop(reason="throttled", detail="more than 20 % of two waves in a row were throttled")
        self._throttled_before = throttled
        if not all(o.outcome == "lost" for o in observations):
            self._lost_in_a_row = 0
        elif wave.kind not in ("newcomers", "single"):  # a front may drop what it does not know
            self._lost_in_a_row += len(observations)
        if self._opened and self._lost_in_a_row >= MAX_LOST_IN_A_ROW:
            text = observations[-1].error_text or "no answer"
            detail = f"the target stopped answering: the last {self._lost_in_a_row} requests were lost ({text})"
            return Stop(reason="unreachable", detail=detail)
        if self._opened or wave.requests[0].tenant is None:
            return None
        self._opened = wave.kind == "opening"
        return opening_problem(observations)


def opening_problem(observations: Sequence[Observation]) -> Stop | None:
    """Why a run can learn nothing, read off its first requests: the likely cause, or None."""
    texts = [o.error_text or "" for o in observations]
    if all(o.outcome == "lost" for o in observations):
        return Stop(reason="unreachable", detail=f"no request was answered: {texts[0]}")
    denied = all(o.error_kind == "AccessDeniedException" for o in observations)
    for observation in observations:
        if observation.error_kind in _CREDENTIAL_ERRORS or denied:
            detail = f"{observation.error_kind}: {observation.error_text}"
            return Stop(reason="no-credentials", detail=detail)
        if observation.error_kind == "ResourceNotFoundException":
            return Stop(reason="no-function", detail=observation.error_text or "")
    if observations[0].request.kind != "opening":
        return None
    if all(o.outcome in ("function-error", "service-error") for o in observations):
        return Stop(reason="no-witness", detail=f"every request failed ({texts[0]}): look at the function's logs")
    refused = [o for o in observations if o.outcome == "refused"]
    if refused:
        detail = (
            f"{len(refused)} of {len(observations)} tenants were refused: {refused[0].error_text} "
            "(are tenant and credentials sent where the service expects them?)"
        )
        return Stop(reason="refused", detail=detail)
    if all(o.witness is None for o in observations):
        return Stop(reason="no-witness", detail=_no_witness(observations))
    return None


def _no_witness(observations: Sequence[Observation]) -> str:
    errors = [error for o in observations for error in o.witness_errors]
    outcomes = sorted({o.outcome for o in observations})
    cause = errors[0] if errors else (observations[0].error_text or f"every request ended as {outcomes[0]}")
    return (
        f"no answer told which environment served it ({cause}); the witness handlers of examples/ do so when "
        "they find the nonce"
    )
