"""The fixture `tenantcheck` for pytest: a test fails unless tenants are kept apart, with the counterexample as its
message. Loaded in every run of pytest, so it imports nothing of the program until a test asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from tenantcheck.model import Verdict

MARKER = "tenantcheck"
Need = Literal["pass", "no-breach"]
"""`pass`: the evidence has to reach its target. `no-breach`: the checks named in `only` have to be clean and
exercised, for applications that run in one process and so can't show separate environments."""


class Tenantcheck:
    """Runs inside one test. Options are those of `tenantcheck.probe` and `tenantcheck.invoke`; the markers of a test
    give some for all of its runs. Each run is recorded in the `tmp_path` of the test."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self._folder = folder
        self._options = options
        self._runs = 0

    def probe(self, url: str = "", *, need: Need = "pass", **options: Any) -> Verdict:
        """Test an HTTP endpoint, or an ASGI application (`app=`) in this process. Fails the test unless it has what
        it needs; returns the verdict."""
        import tenantcheck

        return self._needed(tenantcheck.probe(url, **self._with(options)), need, options)

    async def probe_async(self, url: str = "", *, need: Need = "pass", **options: Any) -> Verdict:
        """`probe` inside a running event loop."""
        import tenantcheck

        return self._needed(await tenantcheck.probe_async(url, **self._with(options)), need, options)

    def invoke(self, function: str, *, need: Need = "pass", **options: Any) -> Verdict:
        """Test a Lambda function by Invoke. Fails the test unless it has what it needs; returns the verdict."""
        import tenantcheck

        return self._needed(tenantcheck.invoke(function, **self._with(options)), need, options)

    async def invoke_async(self, function: str, *, need: Need = "pass", **options: Any) -> Verdict:
        """`invoke` inside a running event loop."""
        import tenantcheck

        return self._needed(await tenantcheck.invoke_async(function, **self._with(options)), need, options)

    def _with(self, options: dict[str, Any]) -> dict[str, Any]:
        self._runs += 1
        return {"history": self._folder / f"tenantcheck-{self._runs}.jsonl"} | self._options | options

    def _needed(self, verdict: Verdict, need: Need, options: dict[str, Any]) -> Verdict:
        __tracebackhide__ = True
        if need not in ("pass", "no-breach"):
            raise ValueError(f"need={need!r}: 'pass' or 'no-breach' was expected")
        missing = [] if need == "pass" else [*_unexercised(verdict, (self._options | options).get("only", ()))]
        if verdict.outcome == "fail" or (need == "pass" and verdict.outcome != "pass") or missing:
            pytest.fail(message(verdict, missing), pytrace=False)
        return verdict


def _unexercised(verdict: Verdict, only: Iterable[str]) -> Iterable[str]:
    """Checks that had to be clean and are not."""
    asked = [only] if isinstance(only, str) else [*only]
    if not asked:
        yield "need='no-breach' wants the checks named that have to be clean: only=(…)"
    for result in verdict.results:
        if result.id in asked and result.status != "clean":
            yield f"{result.id}: {result.status}, {result.reason or 'it had no opportunity to fail'}"


def message(verdict: Verdict, missing: Iterable[str] = ()) -> str:
    """The report at a glance, with what is missing."""
    from tenantcheck.reports.glance import first_line, lines

    word, says = first_line(verdict)
    told = [f"{word}  {says}", *(f"  {each}" for each in missing)]
    told += [f"  {line.label:<10}  {line.text}" if line.label else f"  {line.text}" for line in lines(verdict)]
    return "\n".join(told)


@pytest.fixture
def tenantcheck(request: pytest.FixtureRequest, tmp_path: Path) -> Tenantcheck:
    """Prove in a test that tenants are kept apart: `tenantcheck.probe(url)`, `.probe(app=app)`, `.invoke(name)`."""
    options: dict[str, Any] = {}
    for marker in reversed([*request.node.iter_markers(MARKER)]):  # the closest one wins
        options |= marker.kwargs
    return Tenantcheck(tmp_path, options)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(plan=…, max_requests=…, tenants=…): options of every run that the fixture of this name makes",
    )
