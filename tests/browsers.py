"""A real browser for tests: Debian's chromium without a window, and tabs that must not complain."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
expect = playwright.expect
CHROMIUM = shutil.which("chromium")
MARKS = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]
# A busy machine may take its time.
PATIENCE = 30_000


@pytest.fixture(scope="module", name="browser")
def started_browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        expect.set_options(timeout=PATIENCE)
        started = driver.chromium.launch(
            executable_path=CHROMIUM, args=[*options, *quiet], timeout=180_000
        )
        yield started
        started.close()


@contextmanager
def watched_tab(
    browser: playwright.Browser, address: str, expected: Callable[[str], bool] = lambda _: False
) -> Iterator[playwright.Page]:
    """A tab of 1280 x 900 that may ask nobody but the page, and must not complain.

    Args:
        browser: to open it in.
        address: of the page.
        expected: whether it may complain of an address.
    """
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    faults: list[str] = []

    def hear(message: Any) -> None:
        if message.type == "error" and not expected(message.location["url"]):
            faults.append(message.text)

    def see(request: Any) -> None:
        if not request.url.startswith((address, "blob:")):
            faults.append(request.url)

    opened.on("console", hear)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", see)
    yield opened
    context.close()
    assert faults == []


@contextmanager
def held_back(tab: playwright.Page, address: str | re.Pattern[str]) -> Iterator[None]:
    """Hold back what a page asks of an address; it gets it when the block ends, soon or late."""
    waiting: list[playwright.Route] = []
    ended = False

    def hold(route: playwright.Route) -> None:
        if ended:
            route.continue_()
        else:
            waiting.append(route)

    tab.route(address, hold)
    yield
    # A busy browser may send its request only now.
    ended = True
    for route in waiting:
        route.continue_()


def hold_guidelines(tab: playwright.Page, width: int) -> None:
    """See that a page fits a width and holds WCAG 2.1 AA, as far as axe can tell."""
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(
        tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    )
    assert [one["id"] for one in found.response["violations"]] == [], found.generate_report()
