"""The HTML report: how large it is, how long it takes to make, and how long a browser takes to load it.

python -m benchmarks.pages            # prints the table (needs Chromium and playwright)
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright
from tabulate import tabulate

from benchmarks.judging import generate
from tenantcheck.api import judged_again
from tenantcheck.lab.pool import Pool
from tenantcheck.model import MAX_TENANTS, Verdict
from tenantcheck.reports import FORMATS
from tests.simulation import SimulatedLab, make_plan, simulate

REPEATS = 5


class Page(NamedTuple):
    """One page, measured."""

    run: str
    requests: int
    environments: int
    kilobytes: int
    render_s: float
    load_s: float


def long_run(requests: int, folder: Path) -> Verdict:
    """Four tenants on a healthy pool, for so many requests."""
    path = folder / f"{requests}.jsonl"
    generate(path, requests)
    return judged_again(path)


def many_tenants(tenants: int) -> Verdict:
    """The quick plan for so many tenants."""
    plan = make_plan(tenants=tenants, plan="quick", seed="1", max_requests=100_000)
    return simulate(plan, SimulatedLab(pool=Pool(rng=random.Random(1)))).verdict


def measure(name: str, verdict: Verdict, browser: Browser, folder: Path) -> Page:
    """Make the page and load it, several times each."""
    renders, loads = [], []
    file = folder / "page.html"
    for _ in range(REPEATS):
        begun = time.perf_counter()
        text = FORMATS["html"].render(verdict)
        renders.append(time.perf_counter() - begun)
        file.write_text(text)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        begun = time.perf_counter()
        page.goto(file.as_uri(), wait_until="load")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        loads.append(time.perf_counter() - begun)
        page.close()
    timeline = verdict.timeline
    environments = 0 if timeline is None else timeline.environments
    size = file.stat().st_size // 1000
    return Page(name, verdict.run.requests, environments, size, median(renders), median(loads))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        runs = {f"4 tenants, {count:,} requests": long_run(count, folder) for count in (100, 10_000, 100_000)}
        runs |= {f"{count} tenants": many_tenants(count) for count in (2, MAX_TENANTS)}
        pages = [measure(each, verdict, browser, folder) for each, verdict in runs.items()]
        browser.close()
    columns = ("run", "requests", "environments", "kB", "made in s", "loaded and drawn in s")
    print(tabulate(pages, headers=columns, floatfmt=".2f", tablefmt="github"))


if __name__ == "__main__":
    main()
