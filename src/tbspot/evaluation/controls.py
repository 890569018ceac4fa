"""Controls that look at no film: fixed masks, and the best ones that can be fitted.

Takes the side of the grid, or masks of films that are not reported on; gives maps and their
thresholds. How they are judged is the same as for any model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.evaluation.outcomes import Choice, Map
from tbspot.maps.boxes import SIDE, find_boxes, mask_of, rectangle_mask
from tbspot.metrics import mask_iou

__all__ = ["Control", "best_rectangle", "blind_mask", "fitted_controls", "plain_controls"]

# The best rectangle is sought on cells of 16 pixels of the 512 grid.
CELLS = 32
# Shares of the blind mask's maximum that are tried.
SHARES = np.linspace(0.1, 0.9, 33).round(3)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Control:
    """A map that is the same for every film, and the threshold to cut it at."""

    name: str
    note: str
    normalised: Map
    choice: Choice


def plain_controls() -> list[Control]:
    """All black, the whole film, and a centre rectangle."""
    centre = np.zeros((SIDE, SIDE), np.float32)
    centre[SIDE // 4 : SIDE - SIDE // 4, SIDE // 8 : SIDE - SIDE // 8] = 1
    return [
        _mask_control("all black", "a map without evidence", np.zeros((SIDE, SIDE), np.float32)),
        _mask_control(
            "whole film", "every place, on every film", np.ones((SIDE, SIDE), np.float32)
        ),
        _mask_control("centre rectangle", "half the height, three quarters of the width", centre),
    ]


def _mask_control(name: str, note: str, mask: Map, *, uses_boxes: bool = False) -> Control:
    choice = Choice("tuned", 0.5, 0.5, "a fixed mask", uses_boxes=uses_boxes)
    return Control(name, note, mask, choice)


def fitted_controls(
    masks: Callable[[], Iterator[Mask]], on: str, *, uses_boxes: bool
) -> list[Control]:
    """The best single rectangle and the best image-blind mask for some films.

    Args:
        masks: the films' masks; called again for each pass, so that none need be kept.
        on: what they are, in words.
        uses_boxes: whether they come from boxes.
    """
    ending = "fitted on boxes" if uses_boxes else "fitted on maps"
    rectangle = best_rectangle(masks()).astype(np.float32)
    blind, value, raw_value = blind_mask(masks)
    choice = Choice("tuned", value, raw_value, f"highest mean IoU on {on}", uses_boxes=uses_boxes)
    return [
        _mask_control(
            f"best rectangle, {ending}",
            f"one rectangle for all films, highest mean IoU on {on}",
            rectangle,
            uses_boxes=uses_boxes,
        ),
        Control(f"image-blind mask, {ending}", f"mean mask of {on}", blind, choice),
    ]


def best_rectangle(masks: Iterable[Mask]) -> Mask:
    """The rectangle, on cells of the grid, with the highest mean IoU with the masks.

    Raises:
        ValueError: there is no mask.
    """
    starts, stops = np.triu_indices(CELLS + 1, 1)
    # In cells: every pair of rows by every pair of columns.
    area = np.outer(stops - starts, stops - starts)
    total, side = np.zeros(area.shape), 0
    for mask in masks:
        side = len(mask)
        corners = np.zeros((CELLS + 1, CELLS + 1))
        cells = mask.reshape(CELLS, side // CELLS, CELLS, side // CELLS).mean(axis=(1, 3))
        corners[1:, 1:] = cells.cumsum(axis=0).cumsum(axis=1)
        rows = corners[stops] - corners[starts]
        shared = rows[:, stops] - rows[:, starts]
        total += shared / (area + cells.sum() - shared)
    if not side:
        raise ValueError("a rectangle cannot be fitted on no mask")
    row, column = np.unravel_index(int(total.argmax()), total.shape)
    best = np.zeros((side, side), bool)
    pixels = side // CELLS
    best[
        starts[row] * pixels : stops[row] * pixels,
        starts[column] * pixels : stops[column] * pixels,
    ] = True
    return best


def blind_mask(masks: Callable[[], Iterator[Mask]]) -> tuple[Map, float, float]:
    """The mean mask, its maximum 1, and the shares of it with the highest mean IoU.

    Returns:
        The map, the share for its rectangles, and the share for the raw mask.

    Raises:
        ValueError: there is no mask.
    """
    total, films = np.zeros(0), 0
    for mask in masks():
        total = total + mask if films else mask.astype(np.float64)
        films += 1
    if not films:
        raise ValueError("a mask cannot be fitted on no mask")
    normalised = (total / (total.max() or 1)).astype(np.float32)
    shares = SHARES.tolist()
    rectangles = [rectangle_mask(find_boxes(normalised, t), len(normalised)) for t in shares]
    raw = [mask_of(normalised, t) for t in shares]
    overlaps = np.zeros((2, len(shares)))
    for mask in masks():
        for kind, candidates in enumerate((rectangles, raw)):
            overlaps[kind] += [mask_iou(candidate, mask) for candidate in candidates]
    return normalised, shares[int(overlaps[0].argmax())], shares[int(overlaps[1].argmax())]
