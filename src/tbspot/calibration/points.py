"""What a threshold gives: rates of films, and what they mean where few people have TB.

Takes scores, labels, a threshold and a plan; gives an operating point with intervals, the columns
of WHO's calibration toolkit for CAD (WHO/TDR 2021, ISBN 9789240028616). Which threshold to use is
left to choosing.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tbspot.calibration.digits import up_to
from tbspot.metrics import Estimate, mover_ratio, wilson
from tbspot.records.calibration import OperatingPoint, Plan
from tbspot.records.figures import Figure, figure_of

__all__ = ["point_at", "thresholds_of"]

NONE_FOUND = "no film with TB reaches the threshold"


def thresholds_of(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every threshold that divides the films differently, rising; the lowest passes all."""
    return np.unique(scores)


def point_at(
    threshold: float, scores: NDArray[np.float64], labels: NDArray[np.int_], plan: Plan
) -> OperatingPoint:
    """What a threshold gives, with Wilson's intervals and those that follow from them."""
    passed, is_tb = scores >= threshold, labels == 1
    tb, others = int(is_tb.sum()), int((~is_tb).sum())
    found, missed = (wilson(int((called & is_tb).sum()), tb) for called in (passed, ~passed))
    false, left = (wilson(int((called & ~is_tb).sum()), others) for called in (passed, ~passed))
    rare, common = plan.prevalence, 1 - plan.prevalence

    below = float(scores[~passed].max(initial=-np.inf))

    def tested_in_vain() -> Estimate:
        return mover_ratio(_scaled(false, common), _scaled(found, rare))

    def missed_by_left() -> Estimate:
        return mover_ratio(_scaled(missed, rare), _scaled(left, common))

    def figure(compute: Callable[[], Estimate], reason: str) -> Figure:
        return figure_of(compute, tb + others, reason=reason)

    return OperatingPoint(
        threshold=float(threshold),
        written=up_to(threshold, below),
        sensitivity=figure_of(lambda: found, tb),
        specificity=figure_of(lambda: left, others),
        ppv=figure(lambda: _one_in(tested_in_vain()), "no film reaches the threshold"),
        npv=figure(lambda: _one_in(missed_by_left()), "every film reaches the threshold"),
        number_needed_to_test=figure(lambda: _scaled(tested_in_vain(), 1, 1), NONE_FOUND),
        cost_per_case=figure(lambda: _cost(found, false, plan), NONE_FOUND)
        if plan.film_cost is not None and plan.test_cost is not None
        else Figure(value=None, films=tb + others, reason="the costs are not given"),
    )


def _scaled(estimate: Estimate, factor: float, offset: float = 0) -> Estimate:
    value, low, high = (
        offset + factor * end for end in (estimate.value, estimate.low, estimate.high)
    )
    return Estimate(value, low, high)


def _one_in(odds: Estimate) -> Estimate:
    """The share that odds against it leave."""
    return Estimate(1 / (1 + odds.value), 1 / (1 + odds.high), 1 / (1 + odds.low))


def _cost(found: Estimate, false: Estimate, plan: Plan) -> Estimate:
    """Everybody is filmed; who reaches the threshold is tested."""
    film, test = plan.film_cost or 0.0, plan.test_cost or 0.0
    beside_cases = _scaled(false, test * (1 - plan.prevalence), film)
    return _scaled(mover_ratio(beside_cases, _scaled(found, plan.prevalence)), 1, test)
