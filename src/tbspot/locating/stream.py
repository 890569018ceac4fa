"""Many items through two steps, read ahead, answered side by side, given in order.

Takes items and what is to be done with each; gives results. Memory holds a few items at a time,
however many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tbspot.machine import whole_cores

__all__ = ["AHEAD", "stream"]

Item = TypeVar("Item")
Material = TypeVar("Material")
Result = TypeVar("Result")

# Items in hand at least, so that reading is hidden; and the most that are read at the same time,
# one a core, as films are by processes of their own: each may hold 64 megapixels.
AHEAD, MOST_READERS = 2, 8


def stream(
    items: Iterable[Item],
    read: Callable[[Item], Material],
    answer: Callable[[Item, Callable[[], Material]], Result],
    at_once: int,
) -> Iterator[Result]:
    """Of each item in order, while those after it are being read and answered.

    Args:
        items: taken as they are needed.
        read: what is to be done ahead, in threads of its own; what it raises is raised where the
            answer asks for it.
        answer: takes an item and a function that waits for what was read of it.
        at_once: how many answers are made at the same time.
    """
    waiting: deque[Future[Result]] = deque()
    ahead = min(whole_cores(), MOST_READERS)
    with (
        ThreadPoolExecutor(ahead) as readers,
        ThreadPoolExecutor(at_once) as workers,
    ):
        try:
            for item in items:
                material = readers.submit(read, item)
                waiting.append(workers.submit(answer, item, material.result))
                if len(waiting) > max(AHEAD, ahead, at_once):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # The readers last: a film that is being answered waits for its reading.
            workers.shutdown(cancel_futures=True)
