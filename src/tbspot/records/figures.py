"""A figure as all files of figures keep it: value, interval and films, or why there is none.

Takes estimates of metrics; gives figures. What they are of is left to those who compute them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from tbspot.metrics import Estimate, UndefinedError
from tbspot.records.record import Record

__all__ = ["Difference", "Drawing", "Figure", "figure_of"]


class Figure(Record):
    """A figure with its 95 % interval, or the reason why it has none.

    Attributes:
        value: null when undefined.
        low: lower end of the interval.
        high: upper end of the interval.
        films: how many films it is of.
        reason: why there is no value.
        note: what else must be known, such as films left out.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    films: int
    reason: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _without_a_value_there_is_a_reason(self) -> Self:
        if (self.value is None) != bool(self.reason):
            raise ValueError("a figure has either a value or a reason why it has none")
        return self

    def words(self, *, interval: bool = True) -> str:
        """The figure as it stands in a table."""
        if self.value is None:
            return "undefined"
        if not interval or self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Difference(Figure):
    """A mean paired difference, judged minus other, with a sign-flip permutation p-value."""

    p: float | None = None


@dataclass(frozen=True)
class Drawing:
    """How intervals are drawn.

    Attributes:
        resamples: bootstrap samples, and sign flips.
        seed: the same for every contender, so that their resamples are the same films.
    """

    resamples: int
    seed: int


def figure_of(
    estimate: Estimate | UndefinedError, films: int, *, reason: str = "", note: str | None = None
) -> Figure:
    """An estimate as a figure.

    Args:
        estimate: or why there is none.
        films: that it is of.
        reason: in place of the estimate's own, where that would say too little.
        note: what else must be known.
    """
    if isinstance(estimate, UndefinedError):
        return Figure(value=None, films=films, reason=reason or str(estimate), note=note)
    return Figure(
        value=estimate.value, low=estimate.low, high=estimate.high, films=films, note=note
    )
