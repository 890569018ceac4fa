"""Sub-groups of films: by age, sex, HIV, site, or whatever the columns hold.

Takes columns of cells; gives names of sub-groups and their figures at one threshold. Whether a
difference matters is left to the reader: the intervals stand beside the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbspot.calibration.digits import told_apart
from tbspot.calibration.scored import LEAST_FILMS, Scored
from tbspot.metrics import delong, wilson
from tbspot.records.calibration import Group
from tbspot.records.figures import Figure, figure_of
from tbspot.samples.reading import number_of, told

__all__ = ["groups_of"]

# The age groups in which WHO reports tuberculosis.
AGE_LIMITS = (15, 25, 35, 45, 55, 65)
# More values than this are measurements, which are cut into quarters, or names of single films.
MOST_VALUES = 12
NOT_STATED = "not stated"
# Of a limit in a name.
FEWEST_DIGITS = 6


def groups_of(scored: Scored, threshold: float) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The sub-groups of every column, and notes on columns that are none."""
    groups: list[Group] = []
    notes = []
    for column, cells in scored.columns.items():
        found = _division(column, cells)
        if len(found.order) > MOST_VALUES:
            notes.append(
                f"column {column!r} has {len(found.order):,} different values and is not taken for "
                "sub-groups"
            )
            continue
        if found.no_numbers:
            notes.append(
                f"column {column!r} has cells that are no number, counted as {NOT_STATED}: "
                f"{len(found.no_numbers):,} (first: {told(found.no_numbers[:3])})"
            )
        if len(found.order) > 1:
            groups += [
                _group(column, name, found.names == name, scored, threshold) for name in found.order
            ]
    return tuple(groups), tuple(notes)


class _Division(NamedTuple):
    """A column as sub-groups.

    Attributes:
        names: each film's sub-group.
        order: the sub-groups, in order.
        no_numbers: cells of a column of numbers that are none.
    """

    names: NDArray[np.str_]
    order: list[str]
    no_numbers: list[str]


def _division(column: str, cells: Sequence[str]) -> _Division:
    present = [cell for cell in cells if cell and cell != NOT_STATED]
    is_age = column.casefold() == "age"
    numbers = np.array([number_of(cell) for cell in cells])
    known = numbers[np.isfinite(numbers)]
    # A word or two among numbers, such as "unknown", are no values of their own.
    least = 1 if is_age else MOST_VALUES + 1
    if len(np.unique(known)) < least or 2 * len(known) < len(present):
        order, named = sorted(set(present)), [cell or NOT_STATED for cell in cells]
        no_numbers = []
    else:
        limits = _limits(known, is_age=is_age)
        order = _labels(limits)
        places = np.searchsorted(limits, numbers, "right")
        named = [
            order[place] if np.isfinite(number) else NOT_STATED
            for place, number in zip(places.tolist(), numbers, strict=True)
        ]
        no_numbers = [cell for cell in present if not np.isfinite(number_of(cell))]
    # A cell may say "not stated" itself.
    every = dict.fromkeys((*order, NOT_STATED))
    return _Division(np.array(named), [name for name in every if name in set(named)], no_numbers)


def _limits(numbers: NDArray[np.float64], *, is_age: bool) -> list[float]:
    if is_age:
        return [float(limit) for limit in AGE_LIMITS]
    return [float(limit) for limit in np.unique(np.quantile(numbers, (0.25, 0.5, 0.75)))]


def _labels(limits: Sequence[float]) -> list[str]:
    """The names of the bands between limits, with as many digits as tell the limits apart."""
    written = told_apart(limits, FEWEST_DIGITS)
    between = [f"{low} to under {high}" for low, high in pairwise(written)]
    return [f"under {written[0]}", *between, f"{written[-1]} and over"]


def _group(
    column: str, name: str, members: NDArray[np.bool_], scored: Scored, threshold: float
) -> Group:
    scores, labels = scored.scores[members], scored.labels[members]
    patients = None if scored.patients is None else scored.patients[members]
    passed, is_tb = scores >= threshold, labels == 1
    tb, others = int(is_tb.sum()), int((~is_tb).sum())
    return Group(
        column=column,
        name=name,
        tb=tb,
        others=others,
        few=min(tb, others) < LEAST_FILMS,
        auroc=figure_of(lambda: delong(labels, scores, patients), len(labels)),
        sensitivity=_rate(int((passed & is_tb).sum()), tb, "no film with TB belongs to it"),
        specificity=_rate(
            int((~passed & ~is_tb).sum()), others, "no film without TB belongs to it"
        ),
    )


def _rate(counted: int, films: int, reason: str) -> Figure:
    return figure_of(lambda: wilson(counted, films), films, reason=reason)
