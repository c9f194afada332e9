"""The ways of firing that are measured, each in a process of its own.

    python -m benchmarks.contenders NAME URL IN_FLIGHT REQUESTS

prints one line of JSON: requests per second, answers that were not 200, peak memory, and how the time was spent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.measure import peak_mb
from tenantcheck.history import HistoryWriter
from tenantcheck.judge import Judge
from tenantcheck.model import SCHEDULE, Call, Header, Observation, Plan, Reply, Standing
from tenantcheck.run.plan import Schedule, Wave, parse_tenants
from tenantcheck.run.planning import make_plan
from tenantcheck.run.runner import Runner
from tenantcheck.run.senders import Sender, SenderSettings, open_sender
from tenantcheck.run.session import run_async
from tenantcheck.run.settings import RunSettings
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget

Outcome = dict[str, float]
_NONCE = "tck1-0a1b2c3d-0123456789ab-00000001-0123456789abcdef"
_HEADERS = [("x-tenant-id", "tck-0123456789ab"), ("x-tenantcheck-nonce", _NONCE)]
#: Requests before the measured ones: connections are open and code is warm.
_WARM_UP = 2_000


class LargeCrowds(Schedule):
    """The standard plan's schedule, with so many known environments per tenant: half waves, surges and crowds send 18
    times as many requests, all but a hundred of the run."""

    def __init__(self, plan: Plan, each: int) -> None:
        super().__init__(plan)
        self._each = each

    def known(self, tenant: int) -> int:  # noqa: ARG002
        """What makes the crowds large."""
        return self._each


class _AtOnce:
    """A sender that answers at once, out of the call."""

    async def send(self, call: Call) -> Reply:
        """The witness that the server would send."""
        sent = dict(call.headers)
        witness = {"executionEnvironmentId": f"env-{sent['x-tenant-id']}", "nonce": sent["x-tenantcheck-nonce"]}
        headers = (("content-type", "application/json"), ("content-length", "112"), ("connection", "keep-alive"))
        return Reply(status=200, headers=headers, body=json.dumps(witness).encode())

    async def close(self) -> None:
        """Nothing to close."""


async def runner_alone(count: int) -> Outcome:
    """The runner, recording and judging without a network."""
    target = HttpTarget(HttpRequestSpec(url="http://127.0.0.1:1/witness"))
    await _run(target, 64, _WARM_UP, _AtOnce())
    return await _run(target, 64, count, _AtOnce())


async def _run(target: Any, in_flight: int, count: int, sender: Sender | None = None) -> Outcome:
    """One run of the runner, recorded and judged; the time is that of the whole run."""
    plan, target = make_plan(RunSettings(max_requests=2 * count + 1_000, max_time=6e5), parse_tenants("4"), target)
    # The witness server has no boundary to attack.
    plan = msgspec.structs.replace(plan, tenant_place="", newcomers=())
    judge = Judge(plan)
    judging_s = 0.0

    def on_wave(wave: Wave, observations: Sequence[Observation]) -> Standing:
        nonlocal judging_s
        begun = time.perf_counter()
        judge.add(observations)
        standing = judge.standing()
        if standing.breached:
            raise RuntimeError("the witness server never leaks")
        judging_s += time.perf_counter() - begun
        # Past the planned waves the run would end here, or go on one ordered wave after the other.
        return Standing(finished=judge.environments.requests >= count or not wave.planned_left)

    sender = sender or open_sender(SenderSettings(direct=True), "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        with HistoryWriter(path, Header(schedule=SCHEDULE, tool="benchmark", started="", plan=plan)) as writer:
            schedule = LargeCrowds(plan, count // 18)
            runner = Runner(plan, target, sender, writer, on_wave, in_flight=in_flight, schedule=schedule)
            begun = time.perf_counter()
            end = await runner.run()
            duration_s = time.perf_counter() - begun
        written = path.stat().st_size
    await sender.close()
    served = judge.environments.outcomes["served"]
    return {
        "rate": end.requests / duration_s,
        "not_served": end.requests - served,
        "judging_us": judging_s / end.requests * 1e6,
        "history_bytes": written / end.requests,
    }


async def run_many(url: str, in_flight: int, count: int) -> Outcome:
    """One run by whichever client is installed."""
    sender = open_sender(SenderSettings(direct=True, timeout_s=120.0), url)
    return await _run(HttpTarget(HttpRequestSpec(url=url)), in_flight, count, sender)


async def tenantcheck_probe(url: str, in_flight: int, count: int) -> Outcome:
    """The runner's own path, with full history and judging."""
    target = HttpTarget(HttpRequestSpec(url=url))
    await _run(target, in_flight, _WARM_UP)
    return await _run(target, in_flight, count)


async def tenantcheck_invoke(url: str, in_flight: int, count: int) -> Outcome:
    """Signed Invoke calls by the runner's own path."""
    from tenantcheck.run.targets.aws import AwsOptions, AwsSession
    from tenantcheck.run.targets.events import RAW, parse_event
    from tenantcheck.run.targets.function import FunctionTarget

    session = AwsSession(AwsOptions(region="us-east-1", endpoint_url=url.rpartition("/")[0], made_up=True))
    target = FunctionTarget(session, "witness", qualifier=None, event=parse_event(RAW, b"", None))
    await _run(target, in_flight, _WARM_UP)
    return await _run(target, in_flight, count)


async def bare(url: str, in_flight: int, count: int) -> Outcome:
    """A bare loop over the sender behind `probe`: nothing drawn, read, kept or judged."""
    sender = open_sender(SenderSettings(direct=True), url)
    call = Call(method="GET", url=url, headers=tuple(_HEADERS))

    async def one() -> bool:
        return (await sender.send(call)).status == 200

    try:
        return await _looped(one, in_flight, count)
    finally:
        await sender.close()


async def libcurl(url: str, in_flight: int, count: int) -> Outcome:
    """libcurl's own loop, without asyncio: the limit of that client."""
    import pycurl

    multi = pycurl.CurlMulti()
    lines = [f"{name}: {value}" for name, value in _HEADERS]
    failed = 0

    def handle() -> pycurl.Curl:
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.HTTPHEADER, lines)
        curl.setopt(pycurl.WRITEFUNCTION, len)
        return curl

    def together(total: int) -> None:
        nonlocal failed
        idle, left, done = [handle() for _ in range(min(in_flight, total))], total, 0
        while done < total:
            while idle and left:
                multi.add_handle(idle.pop())
                left -= 1
            multi.perform()
            _, served, lost = multi.info_read()
            for curl in [*served, *(curl for curl, _, _ in lost)]:
                multi.remove_handle(curl)
                failed += curl.getinfo(pycurl.RESPONSE_CODE) != 200
                done += 1
                idle.append(curl)
            if not served:
                multi.select(1.0)

    together(_WARM_UP)
    begun = time.perf_counter()
    together(count)
    return {"rate": count / (time.perf_counter() - begun), "not_served": failed}


async def pyreqwest(url: str, in_flight: int, count: int) -> Outcome:
    """A bare loop over pyreqwest, the other fast client: Rust, in a thread of its own."""
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().follow_redirects(False).http1_only().gzip(False).brotli(False).zstd(False)
    async with builder.deflate(False).no_proxy().build() as client:

        async def one() -> bool:
            response = await client.get(url).headers(_HEADERS).build().send()
            await response.bytes()
            return bool(response.status == 200)

        return await _looped(one, in_flight, count)


async def httpx_client(url: str, in_flight: int, count: int) -> Outcome:
    """One shared httpx.AsyncClient with its default transport."""
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as client:

        async def one() -> bool:
            return (await client.get(url, headers=_HEADERS)).status_code == 200

        return await _looped(one, in_flight, count, warm_up=in_flight)


async def _looped(one: Callable[[], Awaitable[bool]], in_flight: int, count: int, warm_up: int = _WARM_UP) -> Outcome:
    """`in_flight` loops that share `count` requests."""
    failed = 0

    async def loop(left: Iterator[int]) -> None:
        nonlocal failed
        for _ in left:
            failed += not await one()

    async def together(total: int) -> None:
        left = iter(range(total))
        await asyncio.gather(*(loop(left) for _ in range(in_flight)))

    await together(warm_up)
    begun = time.perf_counter()
    await together(count)
    return {"rate": count / (time.perf_counter() - begun), "not_served": failed}


async def boto3_threads(url: str, in_flight: int, count: int) -> Outcome:
    """boto3's Invoke in a thread pool, the answer parsed: the same work as `tenantcheck invoke`."""
    import boto3
    from botocore.config import Config

    client = boto3.Session("benchmark", "benchmark", region_name="us-east-1").client(
        "lambda",
        endpoint_url=url.rpartition("/")[0],
        config=Config(max_pool_connections=in_flight, retries={"total_max_attempts": 1}),
    )

    def one(number: int) -> bool:
        payload = json.dumps({"tenantcheckNonce": f"{_NONCE[:-8]}{number:08x}"}).encode()
        answer = client.invoke(FunctionName="witness", TenantId="tck-0123456789ab", LogType="Tail", Payload=payload)
        return "executionEnvironmentId" in json.loads(answer["Payload"].read())

    def all_of_them() -> Outcome:
        with ThreadPoolExecutor(in_flight) as pool:
            list(pool.map(one, range(in_flight)))
            begun = time.perf_counter()
            failed = sum(not served for served in pool.map(one, range(count)))
            return {"rate": count / (time.perf_counter() - begun), "not_served": failed}

    return await asyncio.to_thread(all_of_them)


CONTENDERS: dict[str, Callable[[str, int, int], Coroutine[Any, Any, Outcome]]] = {
    "tenantcheck probe": tenantcheck_probe,
    "bare loop over its sender": bare,
    "libcurl's own loop": libcurl,
    "bare loop over pyreqwest": pyreqwest,
    "httpx.AsyncClient": httpx_client,
    "tenantcheck invoke": tenantcheck_invoke,
    "boto3 in threads": boto3_threads,
}


def main() -> None:
    """Run one contender."""
    name, url, in_flight, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    outcome = run_async(CONTENDERS[name](url, in_flight, count))
    outcome["peak_mb"] = peak_mb()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
