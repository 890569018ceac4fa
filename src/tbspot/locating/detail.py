"""A film read no finer than it is needed, and what the gate says of it.

Takes a way to read a film; gives a verdict with the film to judge. What is needed of it depends on
who asks: the net's frame, or a page's picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Protocol

from tbspot.description import Description
from tbspot.gate.verdict import Verdict, examine
from tbspot.images import Film

__all__ = ["ReadFilm", "enough_for", "examine_film"]

# Pixels of a film for each of the frame's. With so many, reading smaller moves scores by no more
# than another draw of a detector's noise does (docs/performance.md).
FINER = 2.4


class ReadFilm(Protocol):
    """Reads a film, no finer than is enough; see `tbspot.images.read_with_facts`."""

    def __call__(self, *, enough: int | None = None) -> Film: ...


def enough_for(description: Description, scales: Sequence[float] = (1.0,)) -> int:
    """Pixels a side that are enough for a net: somewhat more than it is shown.

    Args:
        description: of the model.
        scales: sizes to average over, relative to the model's.
    """
    size = max(description.scaled(scale) for scale in scales)
    return ceil(FINER * min(size, description.through or size))


def examine_film(read: ReadFilm, enough: int, *, gate: bool = True) -> Verdict:
    """Read a film and say whether it is to be judged.

    A film inside a border is read whole, so that it has all its pixels however wide the border.

    Args:
        read: the film.
        enough: pixels that are enough for either side.
        gate: whether anything is said of it at all.

    Raises:
        TbspotError: the file cannot be read.
    """
    film = read(enough=enough)
    if not gate:
        return Verdict(film, ())
    verdict = examine(film)
    if verdict.area is None or film.reduced_from is None:
        return verdict
    return examine(read())
