from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from tbspot.engine.batching import Answer, Batches
from tbspot.errors import ModelError


class Card:
    """Answers with each film's mean; the first batch waits until it is let go."""

    def __init__(self, bearable: int = 1000) -> None:
        self.batches: list[int] = []
        self.began, self.go = Event(), Event()
        self._bearable = bearable

    def __call__(self, films: NDArray[np.float32]) -> Answer:
        self.batches.append(len(films))
        self.began.set()
        assert self.go.wait(60)
        if len(films) > self._bearable:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return films.mean((1, 2)), films


def _ask_at_once(card: Card, most: int, films: list[NDArray[np.float32]]) -> list[Answer]:
    """The first film alone is on the card while all others come."""
    batches = Batches(card, most)
    with ThreadPoolExecutor(len(films)) as threads:
        answers = [threads.submit(batches, films[0])]
        assert card.began.wait(60)
        answers += [threads.submit(batches, one) for one in films[1:]]
        while len(batches._waiting) < len(films) - 1:
            pass
        card.go.set()
        return [one.result(60) for one in answers]


def _films(count: int, side: int = 4, each: int = 1) -> list[NDArray[np.float32]]:
    return list(np.random.default_rng(side).random((count, each, side, side), np.float32))


def test_what_comes_while_the_card_computes_is_one_batch() -> None:
    card, films = Card(), _films(9)
    answers = _ask_at_once(card, 32, films)
    assert card.batches == [1, 8]
    for (logits, maps), film in zip(answers, films, strict=True):
        np.testing.assert_array_equal(maps, film)
        np.testing.assert_array_equal(logits, film.mean((1, 2)))


def test_a_batch_holds_no_more_films_than_it_may() -> None:
    card = Card()
    _ask_at_once(card, 4, _films(6, each=2))
    assert card.batches == [2, 4, 4, 2]


def test_films_of_one_thread_are_never_parted() -> None:
    card = Card()
    _ask_at_once(card, 4, _films(3, each=6))
    assert card.batches == [6, 6, 6]


def test_films_of_two_sizes_are_two_batches() -> None:
    card = Card()
    _ask_at_once(card, 32, [*_films(3), *_films(2, side=6)])
    assert card.batches == [1, 2, 2]


def test_a_batch_that_the_memory_does_not_hold_is_halved() -> None:
    card, films = Card(bearable=2), _films(9)
    answers = _ask_at_once(card, 8, films)
    assert card.batches[:4] == [1, 8, 4, 2]
    np.testing.assert_array_equal([maps for _, maps in answers], films)


def test_what_fails_fails_for_each_that_asked() -> None:
    def fail(_: NDArray[np.float32]) -> Answer:
        raise ModelError("the card is gone")

    batches = Batches(fail, 8)
    for film in _films(2):
        with pytest.raises(ModelError, match="the card is gone"):
            batches(film)


def test_one_film_too_large_for_the_memory_is_told() -> None:
    card = Card(bearable=0)
    card.go.set()
    with pytest.raises(RuntimeError, match="out of memory"):
        Batches(card, 8)(_films(1)[0])
