"""Which threshold to use, and whether any reaches the target.

Takes scores, labels and a wanted sensitivity and specificity; gives a threshold and sentences.
What a threshold gives is left to points.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tbspot.metrics.resampling import ROUNDING
from tbspot.numerics import TWO_SIDED_95
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
# Half an interval that a programme can decide by.
WANTED_HALF = 0.05


def threshold_for(
    scores: NDArray[np.float64], labels: NDArray[np.int_], sensitivity: float
) -> float:
    """The highest threshold that at least this share of the films with TB reach."""
    found = np.sort(scores[labels == 1])[::-1]
    return float(found[max(1, ceil((sensitivity - ROUNDING) * len(found))) - 1])


def reached(points: Sequence[OperatingPoint], sensitivity: float, specificity: float) -> Target:
    """Which of all thresholds reach the wanted sensitivity and specificity together."""
    met = [
        one.threshold
        for one in points
        if _reaches(one.sensitivity.value, sensitivity)
        and _reaches(one.specificity.value, specificity)
    ]
    surely = [
        one.threshold
        for one in points
        if _reaches(one.sensitivity.low, sensitivity) and _reaches(one.specificity.low, specificity)
    ]
    target = Target(
        sensitivity=sensitivity,
        specificity=specificity,
        met=_ends(met),
        met_surely=_ends(surely),
        sentence="",
    )
    return target.model_copy(update={"sentence": _sentence(target)})


def _reaches(value: float | None, wanted: float) -> bool:
    return value is not None and value >= wanted - ROUNDING


def _ends(thresholds: Sequence[float]) -> tuple[float, float] | None:
    # Sensitivity falls and specificity rises with the threshold, so there are no gaps.
    return (min(thresholds), max(thresholds)) if thresholds else None


def _sentence(target: Target) -> str:
    who = (target.sensitivity, target.specificity) == (WHO_SENSITIVITY, WHO_SPECIFICITY)
    name = "WHO's target for a triage test" if who else "the target"
    each = percent(target.sensitivity), percent(target.specificity)
    wanted = f"{name} (sensitivity {each[0]}, specificity {each[1]})"
    if target.met is None:
        return f"No threshold reaches {wanted} on these films."
    reach = f"Thresholds from {target.met[0]:.4g} to {target.met[1]:.4g} reach {wanted}"
    if target.met_surely is None:
        return f"{reach}; none does so with the lower ends of both intervals."
    surely = f"{target.met_surely[0]:.4g} to {target.met_surely[1]:.4g}"
    return f"{reach}; from {surely} the lower ends of both intervals do too."


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
        f"sample size: the {name} at the chosen threshold is known to {_width(rate):.0%} only; "
        f"for 10 points, about {_needed(rate):,} films {kind} TB are needed and there are "
        f"{rate.films:,}"
        for name, rate, kind in rates
        if _width(rate) > 2 * WANTED_HALF
    ]


def _width(rate: Figure) -> float:
    return (rate.high or 0) - (rate.low or 0)


def _needed(rate: Figure) -> int:
    """Films for an interval of the wanted width; a rate of 0 or 1 is planned for as 95 %."""
    value = min(0.95, max(0.05, rate.value or 0))
    return ceil((TWO_SIDED_95 / WANTED_HALF) ** 2 * value * (1 - value))
