from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages import Page, Places, serving
from tbspot.locating.folder import Keeper
from tbspot.records.predictions import PredictedBox, Prediction
from tbspot.viewer.cases import Truth
from tbspot.viewer.worklist import PAGE, Query, Row, Worklist


def row(
    number: int, score: float | None, label: int | None = None, *, boxes: int = 0, **said: str
) -> Row:
    given = {"image": f"film{number}.png", "status": "ok" if score is not None else "failed"}
    prediction = Prediction(
        score=score,
        threshold=None if score is None else 0.5,
        boxes=(PredictedBox(x0=0, y0=0, x1=1, y1=1, score=0.1),) * boxes,
        model="m",
        version="v",
        **(given | said),  # type: ignore[arg-type]
    )
    return Row(number, prediction, None if label is None else Truth(label, (), None))


ROWS = [
    row(0, 0.2, 1),
    row(1, 0.9, 0, boxes=1),
    row(2, None, reason="side view", status="refused"),
    row(3, 0.5, 1, boxes=2, image="Ärzte/Lunge.png"),
    row(4, 0.4, 0),
    row(5, None, 1, reason="empty"),
    row(6, 0.7),
]


def numbers(**query: object) -> list[int]:
    return Worklist(ROWS).select(Query(**query)).tolist()  # type: ignore[arg-type]


def test_films_come_by_score_and_those_without_last() -> None:
    assert numbers() == [1, 6, 3, 4, 0, 2, 5]
    assert numbers(sort="lowest") == [0, 4, 3, 6, 1, 2, 5]


def test_other_orders() -> None:
    assert numbers(sort="boxes")[:3] == [3, 1, 6]
    assert numbers(sort="status")[:2] == [5, 2]
    assert numbers(sort="name")[0] == 0
    assert numbers(sort="name")[-1] == 3


def test_films_are_chosen_by_score_and_truth() -> None:
    assert numbers(show="above") == [1, 6, 3]
    assert numbers(show="below") == [4, 0]
    assert numbers(show="truth") == [1, 3, 4, 0, 5]
    assert numbers(show="false alarms") == [1]
    assert numbers(show="missed") == [0]


def test_films_are_chosen_by_status() -> None:
    assert numbers(status="refused") == [2]
    assert numbers(status="failed") == [5]
    assert numbers(status="ok", show="above") == [1, 6, 3]


def test_a_search_finds_all_its_words_in_name_or_reason_in_any_case() -> None:
    assert numbers(search="film") == [1, 6, 4, 0, 2, 5]
    assert numbers(search="SIDE film2") == [2]
    assert numbers(search="ärzte") == [3]
    assert numbers(search="nowhere") == []


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "²", "1e3", "9" * 30])
def test_an_address_that_makes_no_sense_means_the_usual(page: str) -> None:
    given = {"sort": "colour", "show": "<script>", "status": "0", "page": page, "other": "1"}
    assert Query.of(given) == Query()


def test_an_address_and_its_query_say_the_same() -> None:
    query = Query("boxes", "false alarms", "ok", "a & b=c", 3)
    address = query.address()
    assert address == "?sort=boxes&show=false+alarms&status=ok&search=a+%26+b%3Dc&page=3"
    assert query.address(page=1) == address.removesuffix("&page=3")
    assert Query().address() == ""


def test_the_page_shows_what_the_run_says_and_escapes_it(page: Page) -> None:
    text = page.ask("/").text
    assert "Films 1 to 14\n    of 14" in text
    assert "side &lt;b&gt;view&lt;/b&gt;.png" in text
    cell = r"</td>\s*<td[^>]*></td>\s*<td data-title=\"To know\">"
    assert re.search(rf">refused{cell}tagged as a lateral view", text)
    assert re.search(rf">failed{cell}\S+broken.png is empty", text)
    assert "<b>view" not in text


def test_a_chosen_order_stays_on_the_way_through_the_films(page: Page) -> None:
    listed = page.ask("/?show=false+alarms&sort=lowest").text
    films = re.findall(r'href="(/film/\d+\?sort=lowest&amp;show=false\+alarms)"', listed)
    assert len(films) >= 2
    first = page.ask(films[0].replace("&amp;", "&")).text
    assert 'rel="prev"' not in first
    assert f'rel="next" href="{films[1]}"' in first
    assert f"1 of {len(films)}" in first
    last = page.ask(films[-1].replace("&amp;", "&")).text
    assert 'rel="next"' not in last
    assert 'rel="up" href="/?sort=lowest&amp;show=false+alarms"' in last


def test_truth_of_an_evaluated_run_is_shown(page: Page) -> None:
    text = page.ask("/").text
    assert text.count("false alarm</em>") == page.ask("/?show=false+alarms").text.count(
        'class="film"'
    )
    number = re.findall(r'href="/film/(\d+)\?search', page.ask("/?search=tb/tb").text)[0]
    film = page.ask(f"/film/{number}").text
    assert "Truth: TB" in film
    boxes = re.findall(r"data-truth='(\[\[.+\]\])'", film)
    assert len(boxes) == 1


def test_thousands_of_films_come_in_pages(places: Places, tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        for number in range(5000):
            keeper.keep(row(number, (number * 7919 % 5000) / 5000).prediction)
    with serving(tmp_path, "--model", places.model) as page:
        first = page.ask("/")
        assert len(first.body) < 100_000
        assert first.text.count('class="film"') == PAGE
        assert "of 5,000" in first.text
        assert "Page 1 of 100" in first.text
        last = page.ask("/?page=100").text
        assert last.count('class="film"') == PAGE
        assert page.ask("/?page=101").text == last
        assert "Truth" not in first.text.replace("The truth of", "")
