"""The witness from logs: wait until the logs name the requests of a run, and record what they told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import structs

from tenantcheck.errors import TenantcheckError
from tenantcheck.model import Observation, Plan, Sighting
from tenantcheck.model.sighted import may_have_run
from tenantcheck.run.interruption import Interruption

#: Between two looks, in seconds.
_PAUSE_S = 1.0
#: A request that was sent again on the way shows up in a second stream soon behind the first.
_SETTLE_S = 2.0
#: Further streams of one request that are kept.
_MOST_OTHERS = 8


class LogReader(Protocol):
    """Where requests are looked for that do not say themselves which environment served them."""

    async def look(self, wanted: Sequence[Observation], /, since_ms: int, *, widely: bool) -> Sequence[Sighting]:
        """What the logs tell by now of these requests, one record for each stream that names one.

        `since_ms` is when the first of them was called, milliseconds since the epoch. `widely`: the usual way found
        nothing yet, so nothing is left to a filter or to this machine's clock. Raises `TenantcheckError` where the
        logs can't be read.
        """
        ...


class SightingRecorder(Protocol):
    """What sightings are written to."""

    def sighting(self, sighting: Sighting, /) -> None:
        """Take in one."""
        ...

    def flush(self) -> None:
        """Put everything that was taken in where it belongs."""
        ...


class LogWitness:
    """Looks for the requests of one run, until all are found or the time for it is over."""

    def __init__(
        self,
        plan: Plan,
        reader: LogReader,
        recorder: SightingRecorder,
        *,
        now_ns: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        interrupted: Interruption,
    ) -> None:
        self._wait_s = plan.log_wait_s
        # An id of Invoke is one invocation; a nonce may be sent again.
        self._settle_s = 0.0 if plan.kind == "invoke" else _SETTLE_S
        self._reader = reader
        self._recorder = recorder
        self._now_ns = now_ns
        self._sleep = sleep
        self._interrupted = interrupted
        self.problem = ""
        """Why the logs can't be read, where they can't."""

    async def of(self, observations: Sequence[Observation], began_ms: int) -> Mapping[int, Sighting]:
        """What the logs tell of these requests, by their number; `began_ms` is when the run began, milliseconds since
        the epoch. An interruption ends the waiting."""
        found: dict[int, Sighting] = {}
        if any(map(may_have_run, observations)) and not self.problem:
            try:
                await self._until_found(observations, began_ms, found)
            except TenantcheckError as error:
                self.problem = error.message
        for sighting in found.values():
            self._recorder.sighting(sighting)
        self._recorder.flush()
        return found

    async def _until_found(self, asked: Sequence[Observation], began_ms: int, found: dict[int, Sighting]) -> None:
        """Look again and again. Requests that were refused or lost may have run all the same: they are looked for,
        and not waited for."""
        wanted = [o.request.seq for o in asked if may_have_run(o)]
        since_ms = began_ms + min(o.call_ns for o in asked) // 1_000_000
        begun_ns = self._now_ns()
        settled = False
        while True:
            waited_s = (self._now_ns() - begun_ns) / 1e9
            widely = not found and waited_s > self._wait_s / 2
            sightings = await self._look(asked, since_ms, widely=widely)
            for sighting in sightings:
                _merge(found, sighting)
            complete = all(seq in found for seq in wanted)
            waited_s = (self._now_ns() - begun_ns) / 1e9
            if self._interrupted.is_set() or waited_s >= self._wait_s or (complete and settled):
                return
            if complete and not self._settle_s:
                return
            settled = complete
            await self._unless_interrupted(self._sleep(self._settle_s if complete else _PAUSE_S))

    async def _look(self, wanted: Sequence[Observation], since_ms: int, *, widely: bool) -> Sequence[Sighting]:
        looked: list[Sequence[Sighting]] = []

        async def look() -> None:
            looked.append(await self._reader.look(wanted, since_ms, widely=widely))

        await self._unless_interrupted(look())
        return looked[0] if looked else ()

    async def _unless_interrupted(self, work: Awaitable[None]) -> None:
        waiting = asyncio.ensure_future(self._interrupted.wait())
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait((waiting, working), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            waiting.cancel()
            working.cancel()


def _merge(found: dict[int, Sighting], new: Sighting) -> None:
    """Note one more sighting; another stream than the first makes it one of several."""
    known = found.setdefault(new.seq, new)
    streams = (known.log_stream_name, *known.others)
    if new.log_stream_name not in streams and len(known.others) < _MOST_OTHERS:
        found[new.seq] = structs.replace(known, others=(*known.others, new.log_stream_name))
    elif known.tenant is None and new.tenant is not None:
        found[new.seq] = structs.replace(known, tenant=new.tenant, by=new.by)
