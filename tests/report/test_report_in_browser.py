from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from studies import Study
from tbspot.report import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        started = driver.chromium.launch(
            executable_path=CHROMIUM, args=[*options, *quiet], timeout=180_000
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(study: Study, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("browser") / "report.html"
    write_report(folder, out, [study.source])
    return out.as_uri()


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_the_page_fits_the_screen_and_asks_for_nothing(
    browser: playwright.Browser, address: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    broken = "[...document.images].filter(image => !image.naturalWidth).length"
    assert page.evaluate(broken) == 0
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert complaints == []
    page.close()


def test_maps_and_boxes_can_be_taken_away(browser: playwright.Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    for box, shown in (("heat map", ".map"), ("found boxes", ".g-found"), ("truth", ".g-truth")):
        visible = f"getComputedStyle(document.querySelector('{shown}')).display"
        assert page.evaluate(visible) != "none"
        page.get_by_label(box, exact=True).uncheck()
        assert page.evaluate(visible) == "none"
    page.close()
