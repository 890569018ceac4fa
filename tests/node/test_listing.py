"""The list of a node's films: chosen, sorted, searched, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tbspot.errors import TbspotError
from tbspot.node.ledger import Ledger, NewResult
from tbspot.node.listing import PAGE, Listing, Wanted
from tbspot.records.predictions import Prediction


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Films 1 (called), 2 (not called), 3 (set aside), 4 (waiting), 5 (sent), 6 (not judged)."""
    made = Ledger(tmp_path / "queue.sqlite")
    for number in range(1, 7):
        source = "XRAY_1" if number % 2 else "folder"
        made.add(f"i{number}", "d", f"{number}.dcm", 1, source, 1000.0 + number)
    for number, score in ((1, 0.9), (2, 0.1), (5, 0.5)):
        made.begin(number, 0)
        made.locate(number, _said(score), [NewResult("sc", "r", f"r{number}")], None, 2000.0)
    made.set_aside(3, "it is 100% broken", None, 2000.0)
    made.locate(6, _said(None), [], None, 2000.0)
    for line in made.results_of(5):
        made.confirm(line, 3000.0)
    yield made
    made.close()


@pytest.fixture
def listing(tmp_path: Path, ledger: Ledger) -> Iterator[Listing]:
    assert ledger.counts()
    known = {"acc-1": ["1.dcm", "4.dcm"], "doe": ["4.dcm", "5.dcm"]}
    made = Listing(tmp_path / "queue.sqlite", lambda word: known.get(word.lower(), []))
    yield made
    made.close()


def _said(score: float | None) -> str:
    status = "refused" if score is None else "ok"
    made = Prediction(
        image="f", status=status, score=score, threshold=None if score is None else 0.5,
        model="m", version="v",
    )  # fmt: skip
    return made.model_dump_json()


def _numbers(listing: Listing, **wanted: object) -> list[int]:
    return [line.number for line in listing.find(Wanted(**wanted)).lines]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "numbers"),
    [("newest", [6, 5, 4, 3, 2, 1]), ("oldest", [1, 2, 3, 4, 5, 6]),
     ("highest", [1, 5, 2, 6, 4, 3]), ("lowest", [2, 5, 1, 6, 4, 3])],
)  # fmt: skip
def test_films_stand_in_the_order_asked_for_and_those_without_a_score_last(
    listing: Listing, order: str, numbers: list[int]
) -> None:
    assert _numbers(listing, order=order) == numbers


@pytest.mark.parametrize(
    ("shown", "numbers"),
    [("above", [5, 1]), ("below", [2]), ("waiting", [4]), ("located", [2, 1]), ("sent", [5]),
     ("aside", [3])],
)  # fmt: skip
def test_films_are_chosen_by_answer_and_state(
    listing: Listing, shown: str, numbers: list[int]
) -> None:
    found = listing.find(Wanted(shown=shown))  # type: ignore[arg-type]
    assert [line.number for line in found.lines] == numbers
    assert found.count == len(numbers)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [(("4",), [4]), (("xray",), [5, 3, 1]), (("xray", "broken"), [3]), (("100%",), [3]),
     (("0%b",), []), (("_1",), [5, 3, 1]), (("ACC-1",), [4, 1]), (("acc-1", "DOE"), [4]),
     (("acc-1", "xray"), [1]), (("nobody",), [])],
)  # fmt: skip
def test_a_search_finds_numbers_units_reasons_and_identities(
    listing: Listing, words: tuple[str, ...], numbers: list[int]
) -> None:
    assert _numbers(listing, words=words) == numbers


def test_pages_divide_the_films_and_the_last_one_stands_for_those_beyond(
    ledger: Ledger, listing: Listing
) -> None:
    for number in range(7, 2 * PAGE + 2):
        ledger.add(f"i{number}", "d", f"{number}.dcm", 1, "", 0.0)
    pages = [listing.find(Wanted(page=page)) for page in (1, 2, 3, 10**8)]
    assert [len(page.lines) for page in pages] == [PAGE, PAGE, 1, 1]
    assert {(page.count, page.pages) for page in pages} == {(2 * PAGE + 1, 3)}
    assert pages[3].page == 3
    numbers = [line.number for page in pages[:3] for line in page.lines]
    assert numbers == list(range(2 * PAGE + 1, 0, -1))


def test_retries_are_those_of_locating_and_of_sending(ledger: Ledger, listing: Listing) -> None:
    for _ in range(3):
        ledger.begin(4, 0)
    (line,) = ledger.results_of(2)
    for _ in range(5):
        ledger.refuse(line, "the archive is full", 0)
    four, two = listing.film(4), listing.film(2)
    assert four is not None
    assert two is not None
    assert (four.retries, two.retries) == (2, 4)
    assert two.refusal == "the archive is full"


def test_the_mark_changes_with_the_queue_and_with_nothing_else(
    ledger: Ledger, listing: Listing
) -> None:
    before = listing.mark()
    _numbers(listing)
    ledger.counts()
    assert listing.mark() == before
    ledger.begin(4, 0)
    assert listing.mark() != before


def test_films_beside_one_are_those_that_are_there(ledger: Ledger, listing: Listing) -> None:
    assert [listing.beside(number) for number in (1, 3, 6)] == [(2, None), (4, 2), (None, 5)]
    ledger.forget(2)
    assert listing.beside(3) == (4, 1)
    assert listing.film(2) is None


def test_a_queue_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"cannot use .*nothing\.sqlite.*; look again later"):
        Listing(tmp_path / "nothing.sqlite").mark()
