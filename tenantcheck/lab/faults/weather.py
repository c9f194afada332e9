"""Weather: what disturbs a run without letting tenants meet."""

from __future__ import annotations

from tenantcheck.lab.faults.fault import Fault, Parameters, Passing


def _any(passing: Passing, parameters: Parameters) -> bool:
    return passing.rng.random() < parameters["p"]


def _one(passing: Passing, parameters: Parameters) -> bool:
    return passing.chosen and passing.rng.random() < parameters["p"]


WEATHER: tuple[Fault, ...] = (
    Fault(
        name="retired",
        kind="weather",
        summary="environments end after n answers",
        defaults={"n": 6},
        retires=lambda answers, parameters: answers >= parameters["n"],
    ),
    Fault(
        name="restarts",
        kind="weather",
        summary="an environment's process is replaced with probability p; its scratch directory stays",
        defaults={"p": 0.05},
        crashes=_any,
    ),
    Fault(
        name="counts-from-five",
        kind="weather",
        summary="the handler's counter starts at 5",
        handler=True,
    ),
    Fault(
        name="counts-by-two",
        kind="weather",
        summary="the handler's counter goes up by 2",
        handler=True,
    ),
    Fault(
        name="renames",
        kind="weather",
        summary="the handler calls every tenant by a hash of its id",
        handler=True,
    ),
    Fault(
        name="session-cookies",
        kind="weather",
        summary="every answer sets a session cookie",
        sets_cookie=True,
    ),
    Fault(
        name="two-backends",
        kind="weather",
        summary="connections are spread over two pools, each of which isolates",
        backends=2,
    ),
    Fault(
        name="distant",
        kind="weather",
        summary="a round trip takes ms",
        defaults={"ms": 60},
        distance_s=lambda parameters: parameters["ms"] / 2000,
    ),
    Fault(
        name="throttled",
        kind="weather",
        summary="requests are throttled with probability p",
        defaults={"p": 0.05},
        throttles=_any,
    ),
    Fault(
        name="one-throttled",
        kind="weather",
        summary="one tenant's requests are throttled with probability p",
        defaults={"p": 0.3},
        throttles=_one,
    ),
    Fault(
        name="slow-start",
        kind="weather",
        summary="a cold start takes ms longer",
        defaults={"ms": 500},
        starts_s=lambda parameters: parameters["ms"] / 1000,
    ),
    Fault(
        name="slow-path",
        kind="weather",
        summary="one tenant's requests arrive ms later",
        defaults={"ms": 8},
        delays_s=lambda passing, parameters: parameters["ms"] / 1000 if passing.chosen else 0.0,
    ),
    Fault(
        name="dropped-connections",
        kind="weather",
        summary="connections are closed before the request is looked at, with probability p",
        defaults={"p": 0.02},
        drops=_any,
    ),
    Fault(
        name="lost-responses",
        kind="weather",
        summary="connections are closed instead of answering, with probability p",
        defaults={"p": 0.02},
        loses=_any,
    ),
    Fault(
        name="one-lost",
        kind="weather",
        summary="one tenant's answers are lost with probability p",
        defaults={"p": 1},
        loses=_one,
    ),
    Fault(
        name="raises-on-foreign",
        kind="weather",
        summary="the handler raises when its environment served another tenant",
        handler=True,
    ),
)
