"""The viewer as people use it: a real browser and a real server."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from browsers import (  # noqa: F401
    MARKS,
    expect,
    held_back,
    hold_guidelines,
    playwright,
    started_browser,
    watched_tab,
)
from pages import PLANTED, Page, Places, dicom_of
from tbspot.scores import shown_score
from tbspot.viewer import serving

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "dicom"

pytestmark = MARKS

# One film of the run is gone and one was never there: the browser says that it could not be had.
GONE = ("/film/13/", "/film/999")
SCORE = re.compile(r"score \d+\.\d of 100")


@pytest.fixture
def tab(browser: playwright.Browser, page: Page) -> Iterator[playwright.Page]:
    with watched_tab(browser, page.address, lambda url: any(one in url for one in GONE)) as opened:
        yield opened


def open_film(tab: playwright.Page, search: str = "tb/tb") -> None:
    """Open the first film found, and wait for its boxes and maps."""
    tab.goto(f"/?search={search}")
    tab.locator("a.film").first.click()
    expect(tab.locator(".said").first).to_contain_text("of the map's maximum")
    expect(tab.locator(".said").last).to_contain_text("of the map's maximum")
    settled(tab)
    drawn(tab)


def settled(tab: playwright.Page) -> None:
    """Wait for what was asked of the server: the film, boxes and maps."""
    expect(tab.locator("[aria-busy=true]")).to_have_count(0)


@dataclass(frozen=True)
class Drawn:
    """What a stage shows: a checksum of all pixels, and every 101st, `[pixels, 4]`."""

    checksum: int
    sample: NDArray[np.int_]


def drawn(tab: playwright.Page, place: int = 0) -> Drawn:
    """What a stage shows, once it shows something."""
    read = """([place]) => new Promise((done) => {
        const canvas = document.querySelectorAll(".panel canvas")[place];
        const look = () => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const pixels = new Uint32Array(data.buffer), sample = [];
            if (!pixels.some((pixel) => pixel & 0xffffff)) return requestAnimationFrame(look);
            for (let n = 0; n < data.length; n += 404) sample.push(...data.slice(n, n + 4));
            done([pixels.reduce((sum, pixel) => (Math.imul(sum, 31) + pixel) | 0, 0), sample]);
        };
        requestAnimationFrame(() => requestAnimationFrame(look));
    })"""
    checksum, sample = tab.evaluate(read, [place])
    return Drawn(checksum, np.array(sample).reshape(-1, 4))


def listed_boxes(tab: playwright.Page) -> list[list[str]]:
    """What the table of boxes says."""
    rows = tab.locator(".boxes tbody tr")
    return [rows.nth(n).locator("td").all_inner_texts() for n in range(rows.count())]


def rounded(number: float) -> int:
    """As JavaScript rounds: halves up."""
    return math.floor(number + 0.5)


def told_boxes(boxes: list[dict[str, float]]) -> list[list[str]]:
    """What the table of boxes is to say."""
    return [
        [
            str(number),
            f"{rounded(box['x0'])} to {rounded(box['x1'])}",
            f"{rounded(box['y0'])} to {rounded(box['y1'])}",
            shown_score(box["score"]),
        ]
        for number, box in enumerate(boxes, 1)
    ]


def address_of(tab: playwright.Page) -> str:
    """Of the film that is open."""
    found = re.search(r"/film/\d+", tab.url)
    assert found is not None
    return found[0]


def test_the_worklist_is_read_by_keyboard(tab: playwright.Page) -> None:
    tab.goto("/")
    films = tab.locator("a.film")
    tab.keyboard.press("j")
    expect(films.nth(0)).to_be_focused()
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    expect(films.nth(2)).to_be_focused()
    tab.keyboard.press("k")
    expect(films.nth(1)).to_be_focused()
    second, third = films.nth(1).inner_text().strip(), films.nth(2).inner_text().strip()
    tab.keyboard.press("Enter")
    expect(tab.locator("h1")).to_have_text(second)
    # The title is there before the script that listens for keys.
    tab.wait_for_load_state()
    tab.keyboard.press("j")
    expect(tab.locator("h1")).to_have_text(third)
    tab.wait_for_load_state()
    tab.keyboard.press("k")
    expect(tab.locator("h1")).to_have_text(second)
    tab.wait_for_load_state()
    tab.keyboard.press("u")
    expect(tab.locator("h1")).to_have_text("Worklist")
    tab.wait_for_load_state()
    tab.keyboard.press("/")
    expect(tab.locator("input[type=search]")).to_be_focused()
    tab.keyboard.type("jk")
    expect(tab.locator("input[type=search]")).to_have_value("jk")


def test_a_choice_applies_at_once_and_keeps_the_address_short(tab: playwright.Page) -> None:
    tab.goto("/")
    tab.get_by_label("Show").select_option("false alarms")
    expect(tab).to_have_url(re.compile(r"/\?show=false\+alarms$"))
    tab.wait_for_load_state()
    count = tab.locator("a.film").count()
    expect(tab.locator("em")).to_have_count(count)
    assert count > 0
    tab.get_by_label("Search").fill("nowhere")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("No film fits")).to_be_visible()


def test_thumbnails_are_shown(tab: playwright.Page) -> None:
    tab.goto("/?search=tb/tb")
    pictures = tab.locator("a.film img")
    assert pictures.count() == 4
    for number in range(4):
        pictures.nth(number).scroll_into_view_if_needed()
        expect(pictures.nth(number)).to_have_js_property("naturalWidth", 96)


def test_the_table_of_boxes_tells_of_the_threshold_beside_it(
    tab: playwright.Page, page: Page
) -> None:
    open_film(tab)
    film = address_of(tab)
    second = tab.locator(".panel").last.get_attribute("data-address")
    assert second is not None
    assert second != film
    with held_back(tab, re.compile(rf"{second}/boxes")):
        tab.get_by_label("Boxes from this share").press("End")
        expect(tab.locator(".said").first).to_contain_text("from 99 % of")
        # The other model's answer is still under way.
        assert listed_boxes(tab) == told_boxes(page.ask(f"{film}/boxes?share=0.99").json())
        expect(tab.locator(".said").last).not_to_contain_text("from 99 % of")
    expect(tab.locator(".said").last).to_contain_text("from 99 % of")


def test_the_slider_cuts_boxes_anew_while_it_moves(tab: playwright.Page, page: Page) -> None:
    open_film(tab)
    film = address_of(tab)
    told = told_boxes(page.ask(f"{film}/boxes").json())
    expect(tab.locator(".boxes tbody td")).to_have_text([cell for row in told for cell in row])
    slider = tab.get_by_label("Boxes from this share")
    before = drawn(tab)
    for key, times, share in (("ArrowRight", 25, 0), ("ArrowLeft", 40, 0), ("End", 1, 0.99)):
        for _ in range(times):
            slider.press(key)
        share = share or float(slider.input_value())
        told = told_boxes(page.ask(f"{film}/boxes?share={share}").json())
        expect(tab.locator(".boxes tbody tr")).to_have_count(len(told))
        expect(tab.locator(".said").first).to_contain_text(f"{100 * share:.0f} %")
        assert listed_boxes(tab) == told
    settled(tab)
    assert drawn(tab).checksum != before.checksum
    as_located = tab.get_by_role("button", name="As located")
    expect(as_located).to_have_attribute("aria-pressed", "false")
    as_located.click()
    expect(as_located).to_have_attribute("aria-pressed", "true")
    told = told_boxes(page.ask(f"{film}/boxes").json())
    expect(tab.locator(".boxes tbody tr")).to_have_count(len(told))
    assert listed_boxes(tab) == told


def test_what_is_taken_along_is_what_is_seen(tab: playwright.Page, page: Page) -> None:
    open_film(tab)
    film = address_of(tab)
    tab.get_by_label("Boxes from this share").fill("0.7")
    with tab.expect_download() as taken:
        tab.get_by_role("link", name="Result (JSON)").click()
    assert taken.value.suggested_filename == f"tbspot-film-{film.rpartition('/')[2]}.json"
    expected = page.ask(f"{film}/result.json?share=0.7").body
    assert Path(taken.value.path()).read_bytes() == expected
    tab.get_by_role("button", name="As located").click()
    with tab.expect_download() as taken:
        tab.get_by_role("link", name="Picture (PNG)").click()
    assert Path(taken.value.path()).read_bytes() == page.ask(f"{film}/overlay.png").body


def test_map_boxes_truth_and_inversion_are_switched(tab: playwright.Page) -> None:
    open_film(tab)
    seen = [drawn(tab)]
    for key, name in (
        ("h", "Heat map"),
        ("b", "Boxes found"),
        ("t", "True boxes"),
        ("i", "Invert"),
    ):
        box = tab.get_by_label(name, exact=True)
        before = box.is_checked()
        tab.keyboard.press(key)
        expect(box).to_be_checked(checked=not before)
        seen.append(drawn(tab))
        assert seen[-1].checksum != seen[-2].checksum, name
    # With nothing over it, the inverted film is the film's negative where the film is.
    film, negative = seen[3].sample[:, 0], seen[4].sample[:, 0]
    shown = seen[4].sample[:, 3] == 255
    inside = shown & (film + negative > 200)
    assert inside.mean() > 0.3
    assert np.abs(film + negative - 255)[inside].max() <= 2


def test_the_mouse_sets_the_window_moves_and_zooms(tab: playwright.Page) -> None:
    open_film(tab)
    stage = tab.locator(".panel canvas").first
    middle = stage.bounding_box()
    assert middle is not None
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
    level, width = tab.locator("output[for=level]"), tab.locator("output[for=width]")

    def drag(across: int, down: int, button: str = "left") -> int:
        tab.mouse.move(x, y)
        tab.mouse.down(button=button)
        tab.mouse.move(x + across, y + down, steps=3)
        tab.mouse.up(button=button)
        return drawn(tab).checksum

    first = drawn(tab).checksum
    windowed = drag(-90, 30)
    expect(width).to_have_text("0.70")
    expect(level).to_have_text("0.60")
    assert windowed != first
    moved = drag(40, 0, "middle")
    assert moved != windowed
    tab.mouse.wheel(0, -300)
    assert drawn(tab).checksum != moved
    tab.get_by_role("button", name="Reset").click()
    expect(width).to_have_text("1.00")
    assert drawn(tab).checksum == first
    stage.focus()
    stage.press("ArrowRight")
    assert drawn(tab).checksum != first
    stage.press("0")
    assert drawn(tab).checksum == first


def test_two_models_stand_side_by_side_and_move_as_one(tab: playwright.Page) -> None:
    open_film(tab)
    captions = tab.locator(".panel figcaption")
    expect(captions.nth(0)).to_contain_text("student student-1: score")
    expect(captions.nth(1)).to_contain_text("teacher teacher-1: score")
    before = [drawn(tab, place).checksum for place in (0, 1)]
    tab.get_by_role("button", name="Zoom in").click()
    after = [drawn(tab, place).checksum for place in (0, 1)]
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_the_threshold_of_the_score_decides_before_ones_eyes(tab: playwright.Page) -> None:
    open_film(tab)
    slider = tab.get_by_label("A film is called TB from a score of")
    slider.press("Home")
    expect(tab.locator("#verdict")).to_contain_text("is called TB")
    slider.press("End")
    expect(tab.locator("#verdict")).to_contain_text("is not called TB")


def test_a_dicom_film_is_dropped_and_looked_at(tab: playwright.Page) -> None:
    rng = np.random.default_rng(0)
    film = dicom_of(rng.integers(0, 4096, (240, 260), np.uint16))
    tab.goto("/")
    tab.set_input_files(
        "#files", {"name": "Doe^Jane.dcm", "mimeType": "application/dicom", "buffer": film}
    )
    line = tab.locator(".drops li")
    expect(line).to_contain_text("Doe^Jane.dcm")
    expect(line).to_contain_text(SCORE)
    line.get_by_role("link").click()
    expect(tab.locator("h1")).to_have_text("the dropped film")
    expect(tab.locator(".said")).to_contain_text("of the map's maximum")
    drawn(tab)
    assert "Doe" not in tab.content()
    assert PLANTED not in tab.content()
    tab.get_by_role("button", name="Forget this film").click()
    expect(tab.locator("h1")).to_have_text("Worklist")


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared holds no DICOM films")
def test_real_dicom_films_are_dropped_and_looked_at(tab: playwright.Page) -> None:
    films = sorted(REAL.rglob("*.dcm"))
    assert films
    tab.goto("/")
    tab.set_input_files("#files", films)
    lines = tab.locator(".drops li")
    expect(lines).to_have_count(len(films))
    for number in range(len(films)):
        expect(lines.nth(number)).to_contain_text(
            re.compile(r"score \d+\.\d of 100|refused|failed")
        )
    scored = lines.filter(has_text=SCORE)
    assert scored.count() == len(films)
    scored.first.get_by_role("link").click()
    expect(tab.locator(".said")).to_contain_text("of the map's maximum")
    drawn(tab)
    assert PLANTED not in tab.content()


def test_films_are_dropped_anywhere_on_the_page(tab: playwright.Page, places: Places) -> None:
    film = next(places.films.glob("tb/*.png")).read_bytes()
    tab.goto("/")
    drop = """([bytes]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(bytes)], "one.png"));
        carried.items.add(new File([], "two.png"));
        const event = { dataTransfer: carried, bubbles: true, cancelable: true };
        document.querySelector("h1").dispatchEvent(new DragEvent("dragover", event));
        document.querySelector("h1").dispatchEvent(new DragEvent("drop", event));
    }"""
    tab.evaluate(drop, [list(film)])
    lines = tab.locator(".drops li")
    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_contain_text(SCORE)
    sentence = "failed: the dropped film is empty; replace or remove it"
    expect(lines.nth(1)).to_have_text(f"two.png {sentence}")


def test_a_film_that_is_gone_says_so_on_its_page(tab: playwright.Page) -> None:
    tab.goto("/?status=refused")
    tab.locator("a.film").click()
    expect(tab.locator(".reason")).to_have_text("tagged as a lateral view")
    expect(tab.locator(".fault")).to_contain_text("is not where it was located")


def test_a_film_that_cannot_be_shown_leaves_no_room_for_others(tab: playwright.Page) -> None:
    tab.goto("/?status=refused")
    tab.locator("a.film").click()
    expect(tab.locator(".fault")).to_be_visible()
    panels, stage = tab.locator(".panels").bounding_box(), tab.locator("canvas").bounding_box()
    assert panels is not None
    assert stage is not None
    assert stage["width"] == panels["width"]


def test_a_film_that_could_not_be_read_says_why_once_and_shows_no_empty_stage(
    tab: playwright.Page,
) -> None:
    tab.goto("/?status=failed")
    tab.locator("a.film").click()
    expect(tab.get_by_text("is empty; replace or remove it")).to_have_count(1)
    expect(tab.locator("canvas")).to_have_count(0)
    expect(tab.get_by_label("Level")).to_have_count(0)
    tab.wait_for_load_state()
    tab.keyboard.press("u")
    expect(tab.locator("h1")).to_have_text("Worklist")


def test_a_dropped_file_that_could_not_be_read_is_forgotten(tab: playwright.Page) -> None:
    tab.goto("/")
    tab.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": b""})
    tab.locator(".drops li").get_by_role("link").click()
    expect(tab.locator("h1")).to_have_text("the dropped film")
    tab.get_by_role("button", name="Forget this film").click()
    expect(tab.locator("h1")).to_have_text("Worklist")


def test_a_film_is_not_to_be_forgotten_before_the_page_listens(tab: playwright.Page) -> None:
    with held_back(tab, "**/forget.js"):
        tab.goto("/")
        tab.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": b""})
        tab.locator(".drops li").get_by_role("link").click()
        button = tab.get_by_role("button", name="Forget this film")
        expect(button).to_be_disabled()
    button.click()
    expect(tab.locator("h1")).to_have_text("Worklist")


def test_dropped_films_are_listed_on_the_way_back_by_number_not_by_name(
    tab: playwright.Page, places: Places
) -> None:
    film = next(places.films.glob("tb/*.png")).read_bytes()
    tab.goto("/")
    given = [("Doe.png", film), ("Roe.png", b"")]
    tab.set_input_files(
        "#files",
        [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in given],
    )
    lines = tab.locator(".drops li")
    expect(lines.nth(0)).to_contain_text(
        re.compile(r"Doe\.png\s+score \d+\.\d of 100, (not )?called TB; \d+ box")
    )
    expect(lines.nth(0).locator("img")).to_have_js_property("naturalWidth", 96)
    expect(lines.nth(1)).to_contain_text("Roe.png failed: the dropped film is empty")
    lines.nth(0).get_by_role("link").click()
    expect(tab.locator("h1")).to_have_text("the dropped film")
    tab.get_by_role("link", name="Worklist").click()
    expect(lines.nth(0)).to_contain_text(re.compile(r"Dropped film 1\s+score \d"))
    expect(lines.nth(1)).to_contain_text("Dropped film 2 failed: the dropped film is empty")
    lines.nth(1).get_by_role("link").click()
    tab.get_by_role("button", name="Forget this film").click()
    expect(lines).to_have_count(1)
    assert "Doe" not in tab.evaluate("JSON.stringify(sessionStorage)")


def test_a_dropped_folder_and_a_lost_connection_are_told(tab: playwright.Page) -> None:
    tab.goto("/")
    drop = """() => {
        const files = [new File([], "folder"), new File(["x"], "one.png")];
        const items = files.map((_, n) => ({ webkitGetAsEntry: () => ({ isDirectory: !n }) }));
        const event = new DragEvent("drop", { bubbles: true, cancelable: true });
        Object.defineProperty(event, "dataTransfer", { value: { files, items } });
        window.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
        document.querySelector("h1").dispatchEvent(event);
    }"""
    tab.evaluate(drop)
    lines = tab.locator(".drops li")
    expect(lines.nth(0)).to_have_text("folder is a folder; drop the films that it holds")
    expect(lines.nth(1)).to_contain_text("the page lost its connection to tbspot; is it still")
    expect(lines).to_have_count(2)


def test_other_browsers_wheels_and_middle_buttons_do_the_same(tab: playwright.Page) -> None:
    open_film(tab)
    turn = """([deltaY, deltaMode]) => {
        const canvas = document.querySelector(".panel canvas");
        const { x, y } = canvas.getBoundingClientRect();
        const place = { clientX: x + 50, clientY: y + 50 };
        const event = { deltaY, deltaMode, cancelable: true, ...place };
        canvas.dispatchEvent(new WheelEvent("wheel", event));
    }"""
    tab.evaluate(turn, [-99, 0])
    by_pixels = drawn(tab).checksum
    tab.get_by_role("button", name="Reset").click()
    tab.evaluate(turn, [-3, 1])
    assert drawn(tab).checksum == by_pixels
    press = """() => document.querySelector(".panel canvas").dispatchEvent(
        new MouseEvent("mousedown", { button: 1, cancelable: true }))"""
    assert tab.evaluate(press) is False


def test_a_film_that_waits_opens_when_its_turn_has_come(
    tab: playwright.Page, page: Page, places: Places
) -> None:
    film = next(places.films.glob("tb/*.png")).read_bytes()
    addresses = [page.drop(film) for _ in range(12)]
    tab.goto(addresses[-1])
    expect(tab.locator("h1")).to_have_text("the dropped film")


@pytest.mark.parametrize(
    "path", ["/", "/?search=nowhere", "/film/0", "/film/1", "/film/13", "/film/999"]
)
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_hold_the_guidelines_and_the_screen(
    tab: playwright.Page, path: str, width: int
) -> None:
    tab.set_viewport_size({"width": width, "height": 800})
    tab.goto(path)
    hold_guidelines(tab, width)


@pytest.mark.parametrize("path", ["/", "/film/0", "/film/999"])
def test_a_question_mark_shows_the_keys_and_escape_closes_them(
    tab: playwright.Page, path: str
) -> None:
    tab.goto(path)
    keys = tab.get_by_role("dialog", name="Keys")
    expect(keys).to_be_hidden()
    expect(tab.get_by_role("button", name="Keys")).to_be_enabled()
    tab.keyboard.press("?")
    expect(keys).to_be_visible()
    hold_guidelines(tab, 1280)
    # Keys of the page wait behind the dialog.
    tab.keyboard.press("j")
    expect(tab).to_have_url(re.compile(f"{re.escape(path)}$"))
    tab.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    tab.get_by_role("button", name="Keys").click()
    expect(keys).to_be_visible()
    keys.get_by_role("button", name="Close").click()
    expect(keys).to_be_hidden()


def test_every_key_of_the_page_stands_in_its_dialog(tab: playwright.Page) -> None:
    static = Path(serving.__file__).parent / "static"
    pages = ((tab.goto, "/", ("worklist.js",)), (open_film, tab, ("film.js", "keys.js")))
    for show, what, scripts in pages:
        source = "".join((static / name).read_text("utf-8") for name in scripts)
        keys = re.findall(r"""^  "?([^\s"])"?: (?:\(\) => |reset)""", source, re.MULTILINE)
        assert len(keys) >= 5
        show(what)
        listed = tab.locator("#keys kbd").all_text_contents()
        assert set(keys) <= set(listed)


def test_the_page_s_script_shows_scores_as_python_does(tab: playwright.Page) -> None:
    rng = np.random.default_rng(0)
    scores = [*rng.random(300).tolist(), 0.0, 1.0, 0.1225, 0.49996, 0.99996, 0.4999]
    asked = [[score, threshold] for score in scores for threshold in (None, 0.5, 0.001)]
    tab.goto("/")
    script = """async (asked) => {
        const { shownScore } = await import("/static/scores.js");
        return asked.map(([score, threshold]) => shownScore(score, threshold));
    }"""
    assert tab.evaluate(script, asked) == [shown_score(*one) for one in asked]
