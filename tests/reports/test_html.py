"""The page in a real browser: nothing is fetched or run, nothing overflows, and nothing planted does anything."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, sync_playwright

from tenantcheck.model import TenantSummary, Verdict
from tenantcheck.model.timeline import Lane
from tenantcheck.reports import FORMATS
from tenantcheck.reports.html import pictures
from tests.notation import plan_for, verdict, with_witness
from tests.reports.test_formats import hostile
from tests.reports.test_reports import CASES

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.no_cover,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)"),
]
PLANTED = "<img src=x onerror=console.log(1)></template></script><script>console.log(2)</script>\x1b[2J\u202e<b>"


def many() -> Verdict:
    """500 tenants, each with an environment of its own."""
    told = CASES["pass"]
    assert told.timeline is not None
    names = tuple(f"tenant-{n:03d}" for n in range(500))
    lanes = tuple(
        Lane(environment=f"environment-{n}", tenants=(n,) * 3, starts_us=(0, n, n + 50), ends_us=(9, n + 9, n + 99),
             requests=3, counts=((n, 3),))
        for n in range(500)
    )  # fmt: skip
    timeline = replace(told.timeline, tenants=names, lanes=lanes, requests=1500, environments=500)
    row = TenantSummary(tenant="", environments=1, invocations=3, requests=3, cold_starts=1)
    return replace(told, timeline=timeline, tenants=tuple(replace(row, tenant=name) for name in names))


def shared_by_many() -> Verdict:
    """An environment that nine tenants met."""
    edit = {n: with_witness(execution_environment_id="one") for n in range(18)}
    everybody = "".join("abcdefghi")
    ring = " ".join(f"{letter}1" for letter in everybody)
    return verdict(f"o {ring} | r {ring}", plan_for(everybody), edit=edit)


PAGES = {
    **CASES,
    "500 tenants": many(),
    "shared by many": shared_by_many(),
    "hostile": hostile(PLANTED),
    "nothing came": verdict("o a- b- | r a- b-", ended="unreachable"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Every page in a file."""
    for name, told in PAGES.items():
        (tmp_path / f"{name}.html").write_text(FORMATS["html"].render(told), encoding="utf-8")
    return {name: tmp_path / f"{name}.html" for name in PAGES}


def opened(browser: Browser, url: str, width: int = 1440, scheme: str = "light") -> tuple[Page, list[str]]:
    """A page, and what its console and its network say."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != url else None)
    page.goto(url)
    return page, said


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_it_says_nothing_fetches_nothing_and_fits(
    browser: Browser, files: dict[str, Path], name: str, scheme: str, width: int
) -> None:
    page, said = opened(browser, files[name].as_uri(), width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    folder = os.environ.get("HTML_PICTURES")
    if folder:
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
        picture = Path(folder) / f"{name.replace(' ', '-')}-{scheme}-{width}.png"
        page.screenshot(path=picture, full_page=name != "500 tenants")
    page.context.close()


def test_planted_markup_is_text(browser: Browser, files: dict[str, Path]) -> None:
    page, said = opened(browser, files["hostile"].as_uri())
    assert page.locator("img, script, b, iframe, object, form").count() == 0
    assert "<img src=x onerror=console.log(1)>" in page.inner_text("body")
    assert not {"\x1b", "\u202e"} & set(page.content())
    assert said == []


@pytest.mark.parametrize("name", PAGES)
def test_the_machine_readable_verdict_is_the_json_report(browser: Browser, files: dict[str, Path], name: str) -> None:
    page, _ = opened(browser, files[name].as_uri())
    text = page.evaluate("document.getElementById('tenantcheck-report').content.textContent")
    assert json.loads(text) == json.loads(FORMATS["json"].render(PAGES[name]))


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_a_name_and_words_behind_it(browser: Browser, files: dict[str, Path], name: str) -> None:
    page, _ = opened(browser, files[name].as_uri())
    for picture in page.locator("svg").all():
        assert picture.get_attribute("role") == "img"
        assert "says the same" in (picture.get_attribute("aria-label") or "")
    links = page.evaluate("[...document.querySelectorAll('a')].map(each => each.getAttribute('href'))")
    assert all(link.startswith("#") for link in links)
    missing = page.evaluate("links => links.filter(each => !document.querySelector(each))", links)
    assert missing == []


def test_a_shared_environment_leads_to_its_finding_and_back(browser: Browser, files: dict[str, Path]) -> None:
    page, _ = opened(browser, files["fail"].as_uri())
    assert page.locator("svg text", has_text="✖ shared").count() == 1
    page.locator("svg a").first.focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#f0")
    page.get_by_text("Its environment in the timeline").first.click()
    assert page.url.endswith("#lane0")


def test_it_can_be_read_by_keyboard_alone(browser: Browser, files: dict[str, Path]) -> None:
    page, _ = opened(browser, files["pass"].as_uri())
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True


#: What viewers of artefacts send: Jenkins, and Azure DevOps' sandbox without scripts.
POLICIES = {
    "Jenkins": "sandbox; default-src 'none'; img-src 'self'; style-src 'self'",
    "Azure DevOps": "sandbox",
}


@pytest.mark.parametrize("viewer", POLICIES)
@pytest.mark.parametrize("name", ["pass", "fail"])
def test_it_is_complete_where_scripts_and_styles_are_forbidden(
    browser: Browser, files: dict[str, Path], viewer: str, name: str
) -> None:
    content = files[name].read_bytes()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", POLICIES[viewer])
            self.end_headers()
            self.wfile.write(content if self.path == "/" else b"")

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            page, _ = opened(browser, f"http://127.0.0.1:{server.server_port}/")
            assert page.locator("h1").inner_text().startswith("✔ PASS" if name == "pass" else "✖ FAIL")
            assert page.locator("svg text").first.is_visible()
            path = page.locator("svg path").first
            box = path.bounding_box()
            assert box is not None
            assert box["width"] > 0
            assert path.get_attribute("stroke") in pictures.COLOURS
            page.context.close()
        finally:
            server.shutdown()
            thread.join()


def test_what_is_cut_is_said_in_numbers(browser: Browser, files: dict[str, Path]) -> None:
    page, _ = opened(browser, files["500 tenants"].as_uri())
    assert "120 of 500 environments and 360 of 1,500 requests are drawn" in page.inner_text("main")
    page, _ = opened(browser, files["shared by many"].as_uri())
    assert page.locator("svg text", has_text="✖ shared").count() == 1
