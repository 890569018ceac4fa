"""With how many digits numbers are written, so that none is taken for another.

Takes numbers; gives text. Which of them are shown is left to the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

__all__ = ["above", "told_apart", "up_to"]

FEWEST_DIGITS = 4
# All numbers of 64 bits differ in 17 digits.
MOST_DIGITS = 17


def told_apart(numbers: Sequence[float], fewest: int = FEWEST_DIGITS) -> list[str]:
    """Numbers, with as many digits as tell apart those that differ, but not fewer than `fewest`."""
    return next(
        written
        for digits in range(fewest, MOST_DIGITS + 1)
        if len(set(written := [_plain(one, digits) for one in numbers])) == len(set(numbers))
    )


def up_to(threshold: float, below: float) -> str:
    """A threshold, rounded down and never up, so that who reaches it reaches what is written.

    Args:
        threshold: a score is a case where it reaches this.
        below: the next lower score there is, or `-inf`: what is written is above it, so that it
            divides these films as the threshold does.
    """
    return _rounded(threshold, ROUND_FLOOR, lambda number: number > below)


def above(score: float, threshold: float) -> str:
    """A score that thresholds are above, rounded up and never down.

    Args:
        score: that no such threshold may let through.
        threshold: the lowest of them that is named: what is written is below it.
    """
    return _rounded(score, ROUND_CEILING, lambda number: number < threshold)


def _rounded(number: float, rounding: str, fits: Callable[[float], bool]) -> str:
    exact = Decimal(repr(float(number)))
    written = (
        _plain(float(Context(prec=digits, rounding=rounding).plus(exact)), digits)
        for digits in range(FEWEST_DIGITS, MOST_DIGITS + 1)
    )
    return next(one for one in written if fits(float(one)))


def _plain(number: float, digits: int) -> str:
    """In plain figures, as far as they are short: a date such as 20240108 is one."""
    if abs(number) < 10**MOST_DIGITS:
        digits = max(digits, len(str(int(abs(number)))))
    return f"{number:.{digits}g}"
