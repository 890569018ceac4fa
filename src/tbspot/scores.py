"""A score as people read it: 0 to 100 with one decimal, wherever one is shown.

Takes scores in [0, 1], as files and programs have them; gives words. `viewer/static/scores.js` does
the same while a slider moves, and a test holds the two together.
"""

from __future__ import annotations

import math

__all__ = ["shown_score", "shown_threshold"]


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


def shown_threshold(threshold: float) -> str:
    """A threshold in [0, 1] as figures have it, in as few digits as do, but three or more.

    Its distances from 0 and 1 are right to one part in a hundred: 0.9996 is not 1, which no score
    reaches.
    """
    most = min(abs(threshold), abs(1 - threshold)) / 100
    written = (f"{threshold:.{digits}g}" for digits in range(3, 18))
    return next(one for one in written if abs(float(one) - threshold) <= most)


def _tenths(score: float) -> int:
    # As JavaScript rounds: halves up. What is not certain is not rounded up to certain.
    return min(math.floor(1000 * score + 0.5), 999 if score < 1 else 1000)
