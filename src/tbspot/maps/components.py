"""The connected components of a mask: their rectangles, areas and highest values.

Takes a mask and the map it was cut from; gives one row a component, in the order of their first
places. Thresholds, and which components count, are left to boxes.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Components", "find_components", "label_components"]

Places = NDArray[np.int_]


class Components(NamedTuple):
    """What is known of each component.

    Attributes:
        corners: `[n, 4]`, x0, y0, x1, y1 of its bounding rectangle, half-open.
        areas: `[n]`, in pixels.
        peaks: `[n]`, the highest value in it.
    """

    corners: Places
    areas: Places
    peaks: NDArray[np.float32]


def find_components(mask: NDArray[np.bool_], values: NDArray[np.float32]) -> Components:
    """The components of 8 neighbours of a mask `[h, w]`, with the peaks of `values` `[h, w]`."""
    # Places are counted row after row, with one empty place behind each row: so no run of set
    # places goes over the end of a row, and what lies above is one stride back.
    stride = mask.shape[1] + 1
    starts, stops = _runs(mask, stride)
    firsts, component = np.unique(_roots(starts, stops, stride), return_inverse=True)
    rows, lefts = np.divmod(starts, stride)
    lengths = stops - starts
    corners = np.array([[stride, 0, 0, 0]]).repeat(len(firsts), axis=0)
    np.minimum.at(corners[:, 0], component, lefts)
    corners[:, 1] = rows[firsts]
    np.maximum.at(corners[:, 2], component, lefts + lengths)
    np.maximum.at(corners[:, 3], component, rows + 1)
    areas, peaks = np.zeros(len(firsts), np.int_), np.full(len(firsts), -np.inf, np.float32)
    np.add.at(areas, component, lengths)
    # The values of a mask come in the order of its runs.
    highest = np.maximum.reduceat(values[mask], np.cumsum(lengths) - lengths)
    np.maximum.at(peaks, component, highest)
    return Components(corners, areas, peaks)


def label_components(mask: NDArray[np.bool_]) -> Places:
    """Of each place of a mask `[h, w]` the number of its component, from 1 in the order of
    `find_components`; 0 outside the mask.
    """
    starts, stops = _runs(mask, mask.shape[1] + 1)
    _, component = np.unique(_roots(starts, stops, mask.shape[1] + 1), return_inverse=True)
    labels = np.zeros(mask.shape, np.int_)
    labels[mask] = np.repeat(component + 1, stops - starts)
    return labels


def _runs(mask: NDArray[np.bool_], stride: int) -> tuple[Places, Places]:
    """Start and end + 1 of each run of set places along the rows."""
    height, width = mask.shape
    places = np.zeros(1 + height * stride, bool)
    places[1:].reshape(height, stride)[:, :width] = mask
    changes = np.flatnonzero(places[1:] != places[:-1])
    return changes[::2], changes[1::2]


def _roots(starts: Places, stops: Places, stride: int) -> Places:
    """For each run the first run of its component."""
    # Runs touch, corners included, where neither ends before the other starts.
    above_from = np.searchsorted(stops + stride, starts, "left").tolist()
    above_to = np.searchsorted(starts + stride, stops, "right").tolist()
    roots = list(range(len(starts)))

    def root(run: int) -> int:
        while roots[run] != run:
            roots[run] = run = roots[roots[run]]
        return run

    for run, (start, stop) in enumerate(zip(above_from, above_to, strict=True)):
        for above in range(start, stop):
            one, other = root(above), root(run)
            roots[max(one, other)] = min(one, other)
    # A run points to an earlier one, so each finds its own root behind one step.
    for run, earlier in enumerate(roots):
        roots[run] = roots[earlier]
    return np.array(roots, np.int_)
