"""The site of the documentation: built whole, without a network, its plots of their figures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import figures
import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium")
# Milliseconds: a busy machine may take its time.
PATIENCE = 180_000
PAGES = sorted((ROOT / "docs").glob("*.md"))


class _Links(HTMLParser):
    """What a page asks for or leads to, and the places in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.led: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places |= {given["id"] or ""} if "id" in given else set()
        if tag == "a":
            self.led.append(given.get("href") or "")
        elif tag in ("script", "img", "link") and given.get("rel") != "canonical":
            self.asked.append(given.get("src") or given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_every_page_is_in_the_site_and_every_link_leads_somewhere(site: Path) -> None:
    assert {page.stem for page in PAGES} <= {page.stem for page in site.glob("*.html")}
    links = {page: _Links(page) for page in site.glob("*.html") if page.name != "404.html"}
    lost = []
    for page, found in links.items():
        for target in found.asked + found.led:
            path, _, place = target.partition("#")
            if re.match(r"https?:|data:|javascript:", path):
                continue
            leads = (page.parent / unquote(path)).resolve() if path else page
            known = links[leads].places if place and leads in links else {unquote(place)}
            if not leads.exists() or unquote(place) not in known:
                lost.append(f"{page.name}: {target}")
    assert not lost


@pytest.mark.slow
def test_the_site_asks_nothing_of_another_machine_and_can_be_searched(site: Path) -> None:
    for page in site.glob("*.html"):
        asked = _Links(page).asked
        assert not [one for one in asked if re.match(r"(https?:)?//", one)], page
    # The offline plugin's index is a script, which a page opened from a disk may read.
    index = (site / "search" / "search_index.js").read_text("utf-8")
    assert "chest" in index
    assert 'data-md-color-scheme="slate"' in (site / "index.html").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_a_word_is_found_in_the_site_opened_from_a_disk_light_or_dark(site: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags, timeout=PATIENCE)
        for scheme, called in (("light", "default"), ("dark", "slate")):
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 800})
            page.goto((site / "index.html").as_uri())
            body = page.locator("body")
            playwright.expect(body).to_have_attribute(
                "data-md-color-scheme", called, timeout=PATIENCE
            )
        page.get_by_role("textbox", name="Search").fill("threshold")
        found = page.locator(".md-search-result__item a").first
        playwright.expect(found).to_be_attached(timeout=PATIENCE)
        browser.close()


def test_the_plots_are_those_of_their_figures() -> None:
    plots = figures.plots()
    assert len(plots) == 3
    for path, content in plots.items():
        assert path.read_text("utf-8") == content, "run: python runs/figures.py"


@pytest.mark.parametrize("name", ["rounds", "sizes", "engines"])
def test_every_figure_of_a_plot_stands_on_its_page(name: str) -> None:
    plot = json.loads((figures.FOLDER / "figures.json").read_text("utf-8"))[name]
    page = (ROOT / "docs" / plot["page"]).read_text("utf-8")
    assert f"](figures/{name}.svg)" in page
    missing = [row for row in plot["rows"] if figures.told(row["value"], plot) not in page]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_says_first_for_whom_it_is_and_has_no_endless_line(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert lines[2].startswith("For "), "begin with: For who ..."
    longest = [number for number, line in enumerate(lines, 1) if len(line) > 300]
    assert not longest, f"fold -s -w 118 {page}"
