"""The page of a node as people use it: a real browser beside a node at work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from browsers import (
    MARKS,
    expect,
    hold_guidelines,
    playwright,
    started_browser,  # noqa: F401
    watched_tab,
)
from nodes import SETTINGS, Told, a_page, posted, stow
from pages import Server
from tbspot.node.service import Node, running
from units import bright_model, study_film, wait_for

pytestmark = MARKS


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with identities, which has located films 1 and 2 and set 3 aside."""
    folder = tmp_path_factory.mktemp("browsed")
    settings = replace(SETTINGS, folder=folder / "node", identities=True)
    with running(settings, bright_model(), Told()) as made, a_page(made) as page:
        broken = study_film(folder, 3, SeriesInstanceUID="")
        arabic = study_film(
            folder, 2, PatientName="\u0646\u0632\u0627\u0631", PatientID="12-34-567",
            SpecificCharacterSet="ISO_IR 192",
        )  # fmt: skip
        stow(page, posted(study_film(folder, 1, PatientName="Doe^Jane"), arabic))
        stow(page, posted(broken))
        wait_for(lambda: made.store.ledger.counts()["located"] == 2)
        wait_for(lambda: made.store.ledger.counts()["aside"] == 1)
        yield made


@pytest.fixture(scope="module")
def page(node: Node) -> Iterator[Server]:
    with a_page(node) as served:
        yield served


@pytest.fixture
def tab(browser: playwright.Browser, page: Server) -> Iterator[playwright.Page]:
    with watched_tab(browser, page.address, lambda url: "/node/99" in url) as opened:
        yield opened


def _numbers(tab: playwright.Page) -> list[str]:
    return list(tab.locator("#films a.film").all_inner_texts())


def test_a_new_film_appears_by_itself_and_focus_stays(
    tab: playwright.Page, node: Node, page: Server, tmp_path: Path
) -> None:
    tab.goto("/")
    expect(tab.locator("a.film")).to_have_count(3)
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    expect(tab.get_by_role("link", name="2", exact=True)).to_be_focused()
    row = tab.locator("#film-2").element_handle()
    stow(page, posted(study_film(tmp_path, 4)))
    line = tab.locator("#film-4")
    expect(line.locator("[data-title=Status]")).to_have_text("located")
    expect(line.locator("[data-title=Score]")).to_have_text(re.compile(r"^\s*\d+\.\d\s*$"))
    expect(tab.locator("#found")).to_contain_text("1 to 4 of 4")
    assert _numbers(tab) == ["4", "3", "2", "1"]
    expect(tab.get_by_role("link", name="2", exact=True)).to_be_focused()
    assert row is not None
    assert row.evaluate("row => row.isConnected")
    (film,) = node.store.ledger.films(1)
    node.identities and node.identities.forget(film.id)
    node.store.forget(film)
    expect(line).to_have_count(0)


def test_films_are_searched_and_sorted_while_one_types_and_names_stay_out_of_the_address(
    tab: playwright.Page,
) -> None:
    tab.goto("/")
    tab.keyboard.press("/")
    tab.keyboard.type("doe, jane")
    expect(tab.locator("a.film")).to_have_count(1)
    expect(tab.locator("#film-1")).to_contain_text("Doe, Jane")
    assert "doe" not in tab.url
    tab.get_by_label("Search").fill("nobody")
    expect(tab.get_by_text("No film fits")).to_be_visible()
    expect(tab.locator("table.films")).to_be_hidden()
    tab.get_by_label("Search").fill("")
    expect(tab.locator("a.film")).to_have_count(3)
    tab.get_by_label("Order").select_option("oldest")
    expect(tab.locator("a.film").first).to_have_text("1")
    tab.get_by_label("Show").select_option("set aside")
    expect(tab.locator("a.film")).to_have_count(1)
    assert tab.url.endswith("?order=oldest&show=aside")
    tab.reload()
    expect(tab.locator("a.film")).to_have_count(1)
    assert tab.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])") == "[{},{}]"


# Where the digits of 12-34-567 stand, from the left.
PLACES = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const [text, at] = [walker.currentNode, walker.currentNode.data.indexOf("12-34-567")];
    if (at < 0) continue;
    return [0, 1, 3, 4, 6, 7, 8].map((place) => {
      const range = document.createRange();
      range.setStart(text, at + place);
      range.setEnd(text, at + place + 1);
      return range.getBoundingClientRect().left;
    });
  }
}"""


@pytest.mark.parametrize("address", ["/", "/node/2", "/node/2/slip"])
def test_a_number_behind_an_arabic_name_is_read_from_the_left(
    tab: playwright.Page, address: str
) -> None:
    tab.goto(address)
    expect(tab.get_by_text("12-34-567").first).to_be_visible()
    places = tab.evaluate(PLACES)
    assert len(places) == 7
    assert places == sorted(places)


def test_a_barcode_and_enter_find_the_film(tab: playwright.Page) -> None:
    tab.goto("/")
    tab.get_by_label("Search").press_sequentially("ACC-2")
    tab.keyboard.press("Enter")
    expect(tab.locator("a.film")).to_have_count(1)
    tab.locator("a.film").focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("h1")).to_have_text("film 2")


def test_films_are_walked_by_keyboard_and_have_their_boxes(tab: playwright.Page) -> None:
    tab.goto("/node/1")
    expect(tab.locator(".said")).to_contain_text("of the map's maximum")
    expect(tab.locator(".about")).to_contain_text("Doe, Jane")
    tab.keyboard.press("k")
    expect(tab.locator("h1")).to_have_text("film 2")
    tab.wait_for_load_state()
    tab.keyboard.press("k")
    expect(tab.locator("h1")).to_have_text("film 3")
    expect(tab.locator(".about")).to_contain_text("set aside")
    tab.wait_for_load_state()
    tab.keyboard.press("u")
    expect(tab.locator("h1")).to_have_text("Worklist")


def test_pages_are_turned_and_a_lost_node_is_told(tab: playwright.Page, node: Node) -> None:
    for number in range(60):
        node.store.ledger.add(f"x{number}", "d", f"x{number}.dcm", 1, "bulk", 4e9)
        line = node.store.ledger.film_of(f"x{number}")
        assert line is not None
        node.store.ledger.set_aside(line.id, "of a test", None, 4e9)
    tab.goto("/?order=oldest")
    tab.keyboard.press("n")
    expect(tab.locator("#found")).to_contain_text("51 to 63 of 63")
    tab.keyboard.press("p")
    expect(tab.locator("#found")).to_contain_text("1 to 50 of 63")
    tab.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    expect(tab.locator(".fault")).to_contain_text("is it still running?")
    for number in range(60):
        line = node.store.ledger.film_of(f"x{number}")
        assert line is not None
        node.store.ledger.forget(line.id)


def test_a_slip_is_one_page_of_paper(tab: playwright.Page) -> None:
    tab.goto("/node/1/slip")
    expect(tab.locator("img")).to_have_js_property("complete", True)
    assert tab.locator("img").evaluate("picture => picture.naturalWidth") > 0
    for paper in ("A4", "Letter"):
        assert len(re.findall(rb"/Type\s*/Page\b", tab.pdf(format=paper))) == 1


@pytest.mark.parametrize(
    ("path", "width"),
    [("/", 360), ("/", 1280), ("/node/1", 1280), ("/node/3", 360), ("/node/1/slip", 360)],
)
def test_pages_hold_the_guidelines_and_the_screen(
    tab: playwright.Page, path: str, width: int
) -> None:
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto(path)
    hold_guidelines(tab, width)
