"""Films of many threads, asked for together: a graphics card is only filled by a batch.

Takes a way to ask for many films; gives the same for each thread's few. While one batch is on the
card the next gathers by itself, so nobody waits for a batch to fill. What is asked is left to
engine.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import is_out_of_memory

__all__ = ["Batches"]

Answer = tuple[NDArray[np.float32], NDArray[np.float32]]


class _Asked(NamedTuple):
    films: NDArray[np.float32]
    answer: Future[Answer]


class Batches:
    """Gathers what threads ask at the same time, up to a number of films.

    A batch for which the card's memory is too small is halved, and so are those after it.

    Args:
        ask: from films `float32 [n, size, size]` in [0, 1] to logits `[n]` and maps `[n, h, w]`;
            one thread at a time calls it.
        most: films of a batch.
    """

    def __init__(self, ask: Callable[[NDArray[np.float32]], Answer], most: int) -> None:
        self._ask = ask
        self._most = most
        self._waiting: deque[_Asked] = deque()
        self._asking = Lock()

    def __call__(self, films: NDArray[np.float32]) -> Answer:
        """Logits `[n]` and maps `[n, h, w]` of films `[n, size, size]`.

        Raises:
            Exception: as asking for them does.
        """
        own = _Asked(films, Future())
        self._waiting.append(own)
        # Whoever comes first answers for all that wait by then; the others find their answers.
        with self._asking:
            while not own.answer.done():
                self._answer(self._batch())
        return own.answer.result()

    def _batch(self) -> list[_Asked]:
        """The longest waiting and those after it of the same size, as many as a batch may hold."""
        batch = [self._waiting.popleft()]
        count, size = len(batch[0].films), batch[0].films.shape[1:]
        while self._waiting and self._waiting[0].films.shape[1:] == size:
            count += len(self._waiting[0].films)
            if count > self._most:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _answer(self, batch: list[_Asked]) -> None:
        try:
            logits, maps = self._ask(np.concatenate([one.films for one in batch]))
        except BaseException as error:
            if len(batch) > 1 and is_out_of_memory(error):
                self._most = max(1, self._most // 2)
                self._waiting.extendleft(reversed(batch))
                return
            for one in batch:
                one.answer.set_exception(error)
            return
        start = 0
        for one in batch:
            end = start + len(one.films)
            one.answer.set_result((logits[start:end], maps[start:end]))
            start = end
