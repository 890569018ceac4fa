"""A figure as all files of figures keep it: value, interval and films, or why there is none.

Takes estimates of metrics; gives figures. What they are of is left to those who compute them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isinf
from typing import Self

from pydantic import Field, model_validator

from tbspot.metrics import Estimate, UndefinedError
from tbspot.metrics.resampling import ROUNDING
from tbspot.records.record import Record
from tbspot.scores import shown_figure
from tbspot.settings import Resamples, Seed, Settings

__all__ = ["Difference", "Drawing", "Figure", "figure_of", "remarks_on"]

# All resamples of such films are alike, as with one film or ten hits of ten: of others that says
# nothing, and as an interval it would say that the figure is known for certain.
WITHOUT_WIDTH = "no interval: these films are too few or too much alike to tell one"

# A smaller one would be rounded to 0.
SMALLEST_P = 0.00005


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
    films: int = Field(ge=0)
    reason: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _without_a_value_there_is_a_reason(self) -> Self:
        if (self.value is None) != bool(self.reason):
            raise ValueError("a figure has either a value or a reason why it has none")
        return self

    @model_validator(mode="after")
    def _has_both_ends_or_neither(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has both of its ends")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("an interval goes from its low end to its high one")
        return self

    def words(self, *, interval: bool = True) -> str:
        """The figure as it stands in a table."""
        if self.value is None:
            return "undefined"
        if not interval or self.low is None or self.high is None:
            return shown_figure(self.value)
        return f"{shown_figure(self.value)} [{shown_figure(self.low)}, {shown_figure(self.high)}]"


class Difference(Figure):
    """A mean paired difference, judged minus other: a figure with a p-value.

    Attributes:
        p: by random flips of the differences' signs, two-sided.
    """

    p: float | None = None

    @property
    def p_words(self) -> str:
        """The p-value as it stands in a table, where it is never 0; nothing for none."""
        if self.p is None:
            return ""
        return f"{self.p:.4f}" if self.p >= SMALLEST_P else "under 0.0001"


@dataclass(frozen=True)
class Drawing(Settings):
    """How intervals are drawn.

    Attributes:
        resamples: bootstrap samples, and sign flips; 100 or more.
        seed: the same for every contender, so that their resamples are the same films.
    """

    resamples: Resamples
    seed: Seed


def figure_of(compute: Callable[[], Estimate | float], films: int, *, reason: str = "") -> Figure:
    """What is computed as a figure: the one place where 'undefined' becomes null with a reason.

    Args:
        compute: gives an estimate, or a number that has no interval; what is infinite counts as
            undefined, and an interval without an upper end or without width is left out and noted,
            as is one that the estimate says there is none of.
        films: that it is of.
        reason: in place of the error's own, where that would say too little.
    """
    try:
        estimate = compute()
    except UndefinedError as undefined:
        return Figure(value=None, films=films, reason=reason or str(undefined))
    if isinstance(estimate, float):
        return Figure(value=estimate, films=films)
    if isinf(estimate.value):
        return Figure(value=None, films=films, reason=reason or "it has no bound")
    if note := estimate.note or _without_ends(estimate):
        return Figure(value=estimate.value, films=films, note=note)
    return Figure(value=estimate.value, low=estimate.low, high=estimate.high, films=films)


def _without_ends(estimate: Estimate) -> str:
    """Why an interval is left out; empty where it is not."""
    if isinf(estimate.high):
        return "its interval has no upper end"
    return WITHOUT_WIDTH if estimate.high - estimate.low <= ROUNDING else ""


def remarks_on(figures: Mapping[str, Figure]) -> list[str]:
    """Why figures or their intervals are absent, each remark once with the figures it is on.

    Args:
        figures: by what they are called.
    """
    remarks: dict[str, list[str]] = {}
    for name, figure in figures.items():
        if remark := f"undefined, as {figure.reason}" if figure.reason else figure.note:
            remarks.setdefault(remark, []).append(name)
    return [f"{', '.join(names)}: {remark}" for remark, names in remarks.items()]
