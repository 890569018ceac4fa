"""Scores and figures as people read them, wherever they are shown: scores as 0 to 100.

Takes scores in [0, 1], as files and programs have them, and figures; gives words.
`viewer/static/scores.js` does the same with scores while a slider moves, and a test holds the two
together.
"""

from __future__ import annotations

import math

__all__ = ["shown_figure", "shown_pixel", "shown_score", "shown_threshold"]

# So near to 0 or 1 a figure is that, but for the rounding of sums.
ROUNDING = 1e-12


def shown_score(score: float | None, threshold: float | None = None) -> str:
    """A score as 0 to 100 with one decimal; nothing for none. Only a score of 1 is 100.0.

    Args:
        score: in [0, 1].
        threshold: from which a film is called TB, if one stands beside it: a score under it is
            not rounded up to it, so that what is shown does not contradict what is said.
    """
    if score is None:
        return ""
    tenths = _tenths(score)
    if threshold is not None and score < threshold:
        tenths = max(0, min(tenths, _tenths(threshold) - 1))
    return f"{tenths // 10}.{tenths % 10}"


def shown_pixel(corner: float) -> str:
    """A corner of a box in whole pixels of its film, halves up as JavaScript's `toFixed` has them.

    So the page and what is taken along from it say the same of a box that begins at 42.5.
    """
    return str(math.floor(corner + 0.5))


def shown_threshold(threshold: float) -> str:
    """A threshold in [0, 1] as figures have it, in as few digits as do, but three or more.

    Its distances from 0 and 1 are right to one part in a hundred: 0.9996 is not 1, which no score
    reaches.
    """
    most = min(abs(threshold), abs(1 - threshold)) / 100
    written = (f"{threshold:.{digits}g}" for digits in range(3, 18))
    return next(one for one in written if abs(float(one) - threshold) <= most)


def shown_figure(figure: float) -> str:
    """A figure with three decimals, and more where it would read as 0 or 1 and is neither.

    Of a rare disease the NPV may be 0.99996: as 1.000 it would say that no case is missed.
    """
    written = f"{figure:z.3f}"
    certain = float(written) in (0, 1) and abs(figure - float(written)) > ROUNDING
    return shown_threshold(figure) if certain else written


def _tenths(score: float) -> int:
    # As JavaScript rounds: halves up. What is not certain is not rounded up to certain.
    return min(math.floor(1000 * score + 0.5), 999 if score < 1 else 1000)
