"""Which wave comes next, and why a run ends. Pure: the runner, the simulations, the tests of validity, and the
comparison of a history with what its seed draws (`redraw`) all drive this.

Everything is decided from the plan, from what was recorded, and from what the judge says of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from tenantcheck.model import FRAME, REFUSED, WAVE, EndReason, Observation, Plan, Standing
from tenantcheck.model.boundary import NOT_ISOLATED
from tenantcheck.model.text import shown_id
from tenantcheck.run.plan import Schedule, Wave, forecast

#: Two waves in a row with a larger share of throttled requests end the run.
MAX_THROTTLED = 0.2
#: So many lost requests in a row, a whole wave among them, mean that nobody answers any more.
MAX_LOST_IN_A_ROW = 20
#: So many refusals in a row of tenants that had been served mean that somebody in front has had enough.
MAX_REFUSED_IN_A_ROW = 20
#: So many witnesses of tenants that had been answered before, and not one of an environment that is known: it keeps
#: none. Behind a balancer over two pools, each meets a known one with a chance of one half.
ENOUGH_WITHOUT_REUSE = 16
#: What a service can ask to wait for, in seconds.
MAX_RETRY_AFTER_S = 60.0
#: A run may always take so long, in seconds, and where its answers are slow this much longer than its plan needs.
LEAST_TIME_S = 120.0
_SLACK = 1.5


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Why a run ends now."""

    reason: EndReason
    detail: str = ""


class Course:
    """The course of one run.

    Call `next()` for a wave, or why there is none; `took(wave, observations)` when it is over; and `after(…)` for why
    the run had better end there.
    """

    def __init__(self, plan: Plan, schedule: Schedule | None = None) -> None:
        self.plan = plan
        self.left_out: tuple[str, ...] = ()
        """Optional parts of requests that the target refused."""
        self.max_time_s = plan.budgets.max_time_s or LEAST_TIME_S
        self.requests = 0
        self._schedule = schedule or Schedule(plan)
        self._prospects = Prospects(plan)
        self._now_ns = 0
        self._retry_after_s = 0.0
        self._refusals = Refusals()
        self._soak_ends_ns: float | None = None
        self._answered: set[int] = set()
        """Tenants that gave a witness in an earlier wave."""
        self._could_be_reused = 0
        self._breached_before = False
        self._opened = False
        self._repeating = False
        """The opening is sent once more: without what was left out, or to functions that fail until they are warm."""

    def next(self) -> Wave | Stop:
        """The next wave, or why there is none."""
        wave = self._schedule.next() or self._going_on() or self._schedule.further()
        if self.requests + len(wave.requests) > self.plan.budgets.max_requests:
            return Stop(reason="max-requests")
        return wave

    def _going_on(self) -> Wave | None:
        """A wave of the rounds after the plan, while their time lasts."""
        if not self.plan.soak_s:
            return None
        if self._soak_ends_ns is None:
            self._soak_ends_ns = self._now_ns + self.plan.soak_s * 1e9
        left_s = (self._soak_ends_ns - self._now_ns) / 1e9
        return self._schedule.soak(left_s) if left_s > 0 else None

    @property
    def opened(self) -> bool:
        """Whether the first requests showed that going on can teach something."""
        return self._prospects.opened

    @property
    def soaking(self) -> bool:
        """Whether rounds go on, or will, after the plan."""
        return bool(self.plan.soak_s) and (self._soak_ends_ns is None or self._now_ns < self._soak_ends_ns)

    @property
    def rate(self) -> float | None:
        """Requests per second, at most."""
        return self.plan.rate or (self.plan.rate_of_soak if self._soak_ends_ns is not None else None)

    def pause_s(self, wave: Wave) -> float:
        """How long environments lie idle before `wave`, and as long as the wave before was told to wait."""
        return max(wave.idle_before_s, self._retry_after_s)

    def saw(self, observation: Observation) -> Refused | None:
        """Why nothing more should be sent now, as requests come back; None while they are served."""
        return self._refusals.add(observation)

    def took(self, wave: Wave, observations: Sequence[Observation]) -> None:
        """Take in what came back."""
        self.requests += len(observations)
        self._schedule.ended(observations)
        self._retry_after_s = max(map(retry_after_s, observations), default=0.0)
        if self._could_be_reused < ENOUGH_WITHOUT_REUSE:
            self._count_reusable(observations)
        if observations:
            self._now_ns = max(self._now_ns, *(o.end_ns for o in observations))
        if wave.kind == "opening" and not self._opened:
            self._opened = True
            self._allow_time(observations)
            if not self.left_out and self.plan.optional and _part_refused(observations):
                self.left_out = self.plan.optional
                self._repeating = True
            elif any(o.outcome in _WARMING_UP for o in observations):
                self._repeating = True
            if self._repeating:
                self._schedule.repeat_opening()

    def _count_reusable(self, observations: Sequence[Observation]) -> None:
        """Count the witnesses that an environment kept from an earlier wave could have given."""
        witnesses = [o.request.tenant for o in observations if o.witness is not None and o.request.tenant is not None]
        self._could_be_reused += sum(tenant in self._answered for tenant in witnesses)
        self._answered.update(witnesses)

    def _allow_time(self, observations: Sequence[Observation]) -> None:
        """Where no budget was given, take as long as the plan needs at the latency of its first answers."""
        if self.plan.budgets.max_time_s is not None:
            return
        answered = [o.end_ns - o.call_ns for o in observations if o.outcome != "lost"]
        cast = forecast(self.plan)
        needed = cast.seconds(median(answered) / 1e9) if answered else 0.0
        if self.plan.rate:
            needed = max(needed, cast.requests / self.plan.rate)
        self.max_time_s = max(LEAST_TIME_S, _SLACK * needed) + self.plan.soak_s

    def after(self, wave: Wave, observations: Sequence[Observation], standing: Standing) -> Stop | None:
        """Why the run ends after this wave, or None. Call it once for each, behind `took`."""
        if self._repeating:
            self._repeating = False
            return None
        if standing.not_isolated:
            return Stop(reason="not-isolated")
        opening_move = wave.kind == "single" and wave.requests[0].purpose == NOT_ISOLATED
        # Served without a tenant, say: the waves show what that leads to.
        stop = None if opening_move else self._done(wave, standing)
        return stop or self._prospects.after(wave, observations)

    def _done(self, wave: Wave, standing: Standing) -> Stop | None:
        if standing.breached and not self.plan.keep_going:
            if standing.confirmed or self._breached_before:
                return Stop(reason="breach")
            # In one more wave an identity that is a constant contradicts itself.
            self._breached_before = True
            return None
        enough = self._could_be_reused >= ENOUGH_WITHOUT_REUSE or not wave.planned_left
        if standing.named and not standing.reused and enough:
            return Stop(reason="no-reuse")
        if wave.planned_left:
            return None
        if self.soaking:
            return None
        return Stop(reason="complete") if standing.finished or standing.breached else None


class Refused(NamedTuple):
    """Requests of tenants that had been served are refused, one after the other."""

    stop: Stop
    retry_after_s: float
    """How long to wait for the service, by its own word; 0 where it says nothing."""


class Refusals:
    """Counts refusals in a row of tenants that had been served before."""

    def __init__(self) -> None:
        self._served: set[int] = set()
        self._in_a_row = 0

    def add(self, observation: Observation) -> Refused | None:
        """Take in one answer, in the order in which they come."""
        request = observation.request
        if request.tenant is None or request.sent.forged or request.purpose not in (WAVE, FRAME):
            return None
        if observation.outcome in ("served", "no-witness", "function-error"):
            self._served.add(request.tenant)
            self._in_a_row = 0
        elif observation.outcome in (*REFUSED, "throttled") and request.tenant in self._served:
            self._in_a_row += 1
        if self._in_a_row < MAX_REFUSED_IN_A_ROW:
            return None
        self._in_a_row = 0
        detail = (
            f"{MAX_REFUSED_IN_A_ROW} requests in a row were refused, of tenants that had been served before "
            f"({observation.error_text or f'HTTP {observation.status}'}): a firewall, a usage plan or an ended "
            "session. Send less at once (--rate, --in-flight), or let this machine through"
        )
        return Refused(Stop(reason="refusing", detail=detail), retry_after_s(observation))


def retry_after_s(observation: Observation) -> float:
    """How long a service that is asked too much wants to be left alone, within bounds."""
    told = observation.headers.get("retry-after", "")
    if observation.outcome not in (*REFUSED, "throttled") or not re.fullmatch("[0-9]{1,6}", told):
        return 0.0
    return min(float(told), MAX_RETRY_AFTER_S)


class Prospects:
    """Whether going on can teach anything, wave by wave."""

    def __init__(self, plan: Plan) -> None:
        self._names = [shown_id(tenant.id) for tenant in plan.everyone()]
        self._from_logs = plan.witness_from == "logs"
        self._throttled_before = False
        self.opened = False
        """The opening was answered."""
        self._lost_in_a_row = 0

    def after(self, wave: Wave, observations: Sequence[Observation]) -> Stop | None:
        """Why the run had better end after this wave, or None."""
        if not observations:
            return None
        if any(o.error_kind == "descriptors" for o in observations):
            return Stop(
                reason="failed", detail="this machine has no file descriptor left: ulimit -n 4096 allows more"
            )
        turned_away = sum(o.outcome == "throttled" for o in observations)
        throttled = self.opened and turned_away > MAX_THROTTLED * len(observations)
        if throttled and self._throttled_before:
            return Stop(reason="throttled", detail="more than 20 % of two waves in a row were throttled")
        self._throttled_before = throttled
        if not all(o.outcome == "lost" for o in observations):
            self._lost_in_a_row = 0
        elif wave.kind not in ("newcomers", "single", "together"):  # a front may drop what it does not know
            self._lost_in_a_row += len(observations)
        if self.opened and self._lost_in_a_row >= MAX_LOST_IN_A_ROW:
            text = observations[-1].error_text or "no answer"
            detail = f"the target stopped answering: the last {self._lost_in_a_row} requests were lost ({text})"
            return Stop(reason="unreachable", detail=detail)
        if self.opened or wave.requests[0].tenant is None:
            return None
        self.opened = wave.kind == "opening"
        return opening_problem(observations, self._names, from_logs=self._from_logs)


#: How the first request of an environment may end that is not ready yet.
_WARMING_UP = frozenset({"throttled", "service-error", "function-error"})
#: Statuses of a target that may refuse a part of a request: bad, too large, headers too large, not implemented.
_PART_REFUSED = frozenset({400, 413, 431, 494, 501})


def _part_refused(observations: Sequence[Observation]) -> bool:
    """Whether a target ran none of these requests, as if it refused a part of them."""
    return bool(observations) and all(o.status in _PART_REFUSED for o in observations)


def opening_problem(
    observations: Sequence[Observation], names: Sequence[str] = (), *, from_logs: bool = False
) -> Stop | None:
    """Why a run can learn nothing, read off its first requests: the likely cause, or None. `names` are those of the
    tenants, by index; `from_logs`: environments were looked for in the logs."""
    stop = _not_reached(observations)
    if stop is not None or observations[0].request.kind != "opening":
        return stop
    if (stop := _nobody_let_in(observations)) is not None:
        return stop
    text = observations[0].error_text or ""
    named = any(o.witness is not None for o in observations)
    if (from_logs or not named) and all(o.outcome in ("function-error", "service-error") for o in observations):
        return Stop(reason="no-witness", detail=f"every request failed ({text}): look at the function's logs")
    refused = [o for o in observations if o.outcome in REFUSED]
    if refused:
        alike = len(refused) == len(observations) and len({o.error_text for o in refused}) == 1
        who = (
            f"every tenant was refused ({text})"
            if alike
            else (f"{len(refused)} of {len(observations)} tenants were refused ({_who(observations, names)})")
        )
        detail = f"{who}: are tenant and credentials sent where the service expects them?"
        return Stop(reason="refused", detail=detail)
    if not named:
        return Stop(reason="no-witness", detail=_NOT_LOGGED if from_logs else _no_witness(observations))
    return None


_NOT_LOGGED = (
    "the logs name none of the first requests. Is it the right log group (--log-group), does the function log at "
    "level INFO (WARN drops platform.start), and do events arrive within --log-wait? With probe the handler has to "
    "log its event or its headers"
)


def _not_reached(observations: Sequence[Observation]) -> Stop | None:
    """Why nothing was reached that could answer."""
    text = observations[0].error_text or ""
    if all(o.outcome == "lost" for o in observations):
        return Stop(reason="unreachable", detail=f"no request was answered: {text}")
    if all(o.error_kind == "not-lambda" for o in observations):
        return Stop(reason="not-lambda", detail="this is not Lambda: the answers are not those of its Invoke API")
    if all(o.outcome == "denied" for o in observations):
        kind = observations[0].error_kind or ""
        return Stop(reason="no-credentials", detail=text if kind in text else f"{kind}: {text}")
    absent = [o for o in observations if o.outcome == "absent"]
    return Stop(reason="no-function", detail=absent[0].error_text or "") if absent else None


#: What API Gateway answers where it has no such path, method or stage.
_NO_SUCH_PATH = "Missing Authentication Token"


def _nobody_let_in(observations: Sequence[Observation]) -> Stop | None:
    """Why somebody in front of the function let nobody in, where one cause is behind every answer."""
    text = observations[0].error_text or f"HTTP {observations[0].status}"
    statuses = {o.status for o in observations}
    if all(o.outcome == "throttled" for o in observations):
        wait_s = max(map(retry_after_s, observations))
        asks = f"; it asks to be left alone for {wait_s:g} s" if wait_s else ""
        return Stop(reason="limited", detail=f"every request was turned away from the first one on: {text}{asks}")
    if None not in statuses and all(300 <= (status or 0) < 400 for status in statuses):
        return Stop(reason="redirected", detail=f"every request was sent elsewhere (HTTP {observations[0].status})")
    if not all(o.outcome in REFUSED for o in observations):
        return None
    if all(_NO_SUCH_PATH in (o.error_text or "") for o in observations):
        return Stop(reason="no-function", detail=f"API Gateway has no such path, method or stage: {text}")
    if statuses <= {404, 410}:
        return Stop(reason="no-function", detail=f"there is nothing at this URL: {text}")
    if statuses == {407}:
        return Stop(reason="no-credentials", detail=f"the proxy wants to know who asks: {text}")
    if statuses <= {401, 403}:
        return Stop(reason="no-credentials", detail=f"every tenant was refused: {text}")
    return None


#: Tenants whose fate is told.
_MOST_TOLD = 6


def _who(observations: Sequence[Observation], names: Sequence[str]) -> str:
    """How it went for each tenant: `acme: HTTP 401; globex: served`."""
    told = []
    for observation in sorted(observations, key=lambda o: o.request.tenant or 0)[:_MOST_TOLD]:
        tenant = observation.request.tenant
        name = names[tenant] if tenant is not None and tenant < len(names) else f"tenant {tenant}"
        told.append(f"{name}: {observation.error_text or observation.outcome}")
    return "; ".join(told) + ("; …" if len(observations) > _MOST_TOLD else "")


def _no_witness(observations: Sequence[Observation]) -> str:
    errors = [error for o in observations for error in o.witness_errors]
    outcomes = sorted({o.outcome for o in observations})
    cause = errors[0] if errors else (observations[0].error_text or f"every request ended as {outcomes[0]}")
    return (
        f"none of the answers said which environment served it ({cause}). Add the witness to your "
        "handler: tenantcheck handler python (or typescript); one that has a key wants --witness-key"
    )
