"""Sub-groups of films: by age, sex, HIV, site, or whatever the columns hold.

Takes columns of cells; gives names of sub-groups and their figures at one threshold. Whether a
difference matters is left to the reader: the intervals stand beside the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tbspot.calibration.scored import LEAST_FILMS, Scored
from tbspot.metrics import delong, wilson
from tbspot.records.calibration import Group
from tbspot.records.figures import Figure, figure_of

__all__ = ["groups_of"]

# The age groups in which WHO reports tuberculosis.
AGE_LIMITS = (15, 25, 35, 45, 55, 65)
# More values than this are measurements, which are cut into quarters, or names of single films.
MOST_VALUES = 12
NOT_STATED = "not stated"


def groups_of(scored: Scored, threshold: float) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The sub-groups of every column, and notes on columns that are none."""
    groups: list[Group] = []
    notes = []
    for column, cells in scored.columns.items():
        names, order = _names(column, cells)
        if len(order) > MOST_VALUES:
            notes.append(
                f"column {column!r} has {len(order):,} different values and is not taken for "
                "sub-groups"
            )
        elif len(order) > 1:
            groups += [_group(column, name, names == name, scored, threshold) for name in order]
    return tuple(groups), tuple(notes)


def _names(column: str, cells: Sequence[str]) -> tuple[NDArray[np.str_], list[str]]:
    """Each film's sub-group, and the sub-groups in order."""
    present = [cell for cell in cells if cell]
    is_age = column.casefold() == "age"
    numbers = _measurements(present, least=1 if is_age else MOST_VALUES + 1)
    if numbers is None:
        order, named = sorted(set(present)), [cell or NOT_STATED for cell in cells]
    else:
        limits = _limits(numbers, is_age=is_age)
        order = [_label(limits, place) for place in range(len(limits) + 1)]
        named = [_band(float(cell), limits) if cell else NOT_STATED for cell in cells]
    # A cell may say "not stated" itself.
    every = dict.fromkeys((*order, NOT_STATED))
    return np.array(named), [name for name in every if name in set(named)]


def _measurements(present: Sequence[str], least: int) -> NDArray[np.float64] | None:
    """The numbers of a column, where there are so many different ones or more."""
    if len(set(present)) < least:
        return None
    try:
        numbers = np.array([float(cell) for cell in present])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _limits(numbers: NDArray[np.float64], *, is_age: bool) -> list[float]:
    if is_age:
        return [float(limit) for limit in AGE_LIMITS]
    return [float(limit) for limit in np.unique(np.quantile(numbers, (0.25, 0.5, 0.75)))]


def _band(number: float, limits: Sequence[float]) -> str:
    return _label(limits, int(np.searchsorted(limits, number, "right")))


def _label(limits: Sequence[float], place: int) -> str:
    if place == 0:
        return f"under {limits[0]:g}"
    if place == len(limits):
        return f"{limits[-1]:g} and over"
    return f"{limits[place - 1]:g} to under {limits[place]:g}"


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
