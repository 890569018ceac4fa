"""Which threshold to use, and whether any reaches the target.

Takes scores, labels and a wanted sensitivity and specificity; gives a threshold and sentences.
What a threshold gives is left to points.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tbspot.calibration.digits import above
from tbspot.metrics import wilson
from tbspot.metrics.resampling import ROUNDING
from tbspot.records.calibration import OperatingPoint, Target
from tbspot.records.figures import Figure

__all__ = [
    "WHO_SENSITIVITY",
    "WHO_SPECIFICITY",
    "percent",
    "precision_notes",
    "reached",
    "threshold_for",
]

# The least that a triage test for TB should reach: WHO, target product profiles for tuberculosis
# diagnostics (2014, WHO/HTM/TB/2014.18, table 5).
WHO_SENSITIVITY, WHO_SPECIFICITY = 0.9, 0.7
# Of an interval that a programme can decide by.
WANTED_WIDTH = 0.1


def threshold_for(
    scores: NDArray[np.float64], labels: NDArray[np.int_], sensitivity: float
) -> float:
    """The highest threshold that at least this share of the films with TB reach."""
    found = np.sort(scores[labels == 1])[::-1]
    return float(found[max(1, ceil((sensitivity - ROUNDING) * len(found))) - 1])


def reached(points: Sequence[OperatingPoint], sensitivity: float, specificity: float) -> Target:
    """Which thresholds reach the wanted sensitivity and specificity together.

    Args:
        points: of all thresholds, rising.
        sensitivity: wanted, at least.
        specificity: wanted, at least.
    """

    def places(end: str) -> list[int]:
        return [
            place
            for place, one in enumerate(points)
            if _reaches(getattr(one.sensitivity, end), sensitivity)
            and _reaches(getattr(one.specificity, end), specificity)
        ]

    met, surely = places("value"), places("low")
    return Target(
        sensitivity=sensitivity,
        specificity=specificity,
        met=_ends(points, met),
        met_surely=_ends(points, surely),
        sentence=_sentence(_target(sensitivity, specificity), points, met, surely),
    )


def _reaches(value: float | None, wanted: float) -> bool:
    return value is not None and value >= wanted - ROUNDING


def _ends(points: Sequence[OperatingPoint], places: Sequence[int]) -> tuple[float, float] | None:
    # Sensitivity falls and specificity rises with the threshold, so there are no gaps.
    return (points[places[0]].threshold, points[places[-1]].threshold) if places else None


def _target(sensitivity: float, specificity: float) -> str:
    who = (sensitivity, specificity) == (WHO_SENSITIVITY, WHO_SPECIFICITY)
    name = "WHO's target for a triage test" if who else "the target"
    return f"{name} (sensitivity {percent(sensitivity)}, specificity {percent(specificity)})"


def _sentence(
    wanted: str, points: Sequence[OperatingPoint], met: Sequence[int], surely: Sequence[int]
) -> str:
    if not met:
        return f"No threshold reaches {wanted} on these films."
    reach = f"Thresholds {_named(points, met)} reach {wanted}"
    if not surely:
        return f"{reach}; none does so with the lower ends of both intervals."
    return f"{reach}; of those {_named(points, surely)} the lower ends of both intervals do too."


def _named(points: Sequence[OperatingPoint], places: Sequence[int]) -> str:
    """Thresholds from above the last score that is too low: between two scores all are alike."""
    first, last = points[places[0]], points[places[-1]]
    if not places[0]:
        return f"up to {last.written}"
    below = above(points[places[0] - 1].threshold, float(first.written))
    return f"above {below} and up to {last.written}"


def percent(wanted: float) -> str:
    """A share as it was asked for: 0.995 is not rounded to 100%."""
    return f"{100 * wanted:.6g}%"


def precision_notes(point: OperatingPoint) -> list[str]:
    """Warnings where there are too few films to know a rate to 5 points either way."""
    rates = (
        ("sensitivity", point.sensitivity, "with"),
        ("specificity", point.specificity, "without"),
    )
    return [
        f"sample size: the {name} at the chosen threshold is known to {100 * _width(rate):.3g} "
        f"points only; for 10 points, about {_needed(rate):,} films {kind} TB are needed and there "
        f"are {rate.films:,}"
        for name, rate, kind in rates
        if _width(rate) > WANTED_WIDTH
    ]


def _width(rate: Figure) -> float:
    return (rate.high or 0) - (rate.low or 0)


def _needed(rate: Figure) -> int:
    """The fewest films whose interval at this rate has the wanted width.

    A rate of 0 or 1 is planned for as 95 %.
    """
    value = min(0.95, max(0.05, rate.value or 0))

    def width(films: int) -> float:
        interval = wilson(value * films, films)
        return interval.high - interval.low

    # It is narrower the more films there are, and these are too few.
    return next(films for films in count(rate.films + 1) if width(films) <= WANTED_WIDTH)
