"""Parts of a film in which TB cannot be seen: do they still tell its label?

Takes a film and its lung field; gives a few numbers. Telling labels by them is left to
shortcuts.py. After DeGrave et al. 2021 (doi 10.1038/s42256-021-00338-7), who find covid
classifiers to read markers and borders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from tbspot.images import resize

__all__ = ["PROBES", "erased", "probe"]

THUMBNAIL = 16
BORDER_GRID, BORDER_WIDTH = 32, 4
QUANTILES = np.linspace(0, 1, 11)

Pixels = NDArray[np.float32]
Field = NDArray[np.bool_]


def probe(film: Pixels, field: Field) -> dict[str, NDArray[np.float64]]:
    """What each of `PROBES` leaves of a film `[h, w]` with lung field `[h, w]`."""
    return {name: part(film, field).astype(np.float64) for name, part in PROBES.items()}


def erased(film: Pixels, field: Field) -> Pixels:
    """The film with its lung field filled with the mean of the rest, or black without a rest."""
    filled, rest = film.copy(), film[~field]
    filled[field] = rest.mean() if rest.size else 0
    return filled


def _thumbnail(film: Pixels, _: Field) -> Pixels:
    return resize(film, THUMBNAIL, THUMBNAIL).ravel()


def _statistics(film: Pixels, _: Field) -> Pixels:
    whole = np.array([film.mean(), film.std()], np.float32)
    return np.concatenate([whole, np.quantile(film, QUANTILES)])


def _border(film: Pixels, _: Field) -> Pixels:
    small = resize(film, BORDER_GRID, BORDER_GRID)
    ring = np.ones(small.shape, bool)
    ring[BORDER_WIDTH:-BORDER_WIDTH, BORDER_WIDTH:-BORDER_WIDTH] = False
    return small[ring]


def _without_lungs(film: Pixels, field: Field) -> Pixels:
    return _thumbnail(erased(film, field), field)


PROBES: Mapping[str, Callable[[Pixels, Field], Pixels]] = {
    f"thumbnail of {THUMBNAIL} x {THUMBNAIL} pixels": _thumbnail,
    "mean, deviation and deciles of the grey values": _statistics,
    f"outer {BORDER_WIDTH / BORDER_GRID:.1%} of the film on each side": _border,
    f"thumbnail of {THUMBNAIL} x {THUMBNAIL} pixels, lungs erased": _without_lungs,
}
