"""One drawn film, from its class and a seed.

Takes a class, a size and a seed; gives pixels, truth boxes and the lung fields. Folders of films
are left to dataset.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tbspot.drawings.anatomy import body, plan_chest
from tbspot.drawings.exposure import Style, expose, plan_exposure, stamp_marker
from tbspot.drawings.lesions import add_lesion, plan_lesions
from tbspot.drawings.opacities import add_opacity, plan_opacity, random_kind
from tbspot.samples.sample import TruthBox

__all__ = ["CLASSES", "DrawnFilm", "FilmClass", "Style", "draw_film"]

FilmClass = Literal["health", "sick", "tb"]
CLASSES: tuple[FilmClass, ...] = get_args(FilmClass)
# Attenuation that comes out mid-grey on a film with a planted exposure, and on one without: the
# first is always lighter than the second.
PLANTED_MIDDLE = (0.62, 0.78)


@dataclass(frozen=True)
class DrawnFilm:
    """A film and everything that is known of it because it was drawn.

    Attributes:
        pixels: `uint8 [size, size]`, 0 = black = air.
        boxes: of the TB lesions, in pixels.
        lungs: the lung fields without the heart, `bool [size, size]`.
        marker: box of the planted marker in pixels, `None` where there is none.
    """

    pixels: NDArray[np.uint8]
    boxes: tuple[TruthBox, ...]
    lungs: NDArray[np.bool_]
    marker: tuple[float, float, float, float] | None


def draw_film(
    film_class: FilmClass,
    size: int,
    seed: Sequence[int],
    *,
    style: Style = "plain",
    marker: bool = False,
    lighter: bool | None = None,
) -> DrawnFilm:
    """Draw one film; the same arguments give the same pixels.

    The chest and its findings depend on class and seed alone, so that one film can be drawn with
    and without a shortcut.

    Args:
        film_class: `health`, `sick` or `tb`.
        size: side in pixels.
        seed: whole numbers.
        style: of the source.
        marker: whether a marker is planted.
        lighter: whether the exposure is a light or a dark one; `None` leaves it to chance.
    """
    rng = np.random.default_rng([*seed, CLASSES.index(film_class)])
    kind = random_kind(rng) if film_class == "sick" else None
    chest = plan_chest(rng, enlarged_heart=kind == "heart")
    lesions = plan_lesions(rng, chest) if film_class == "tb" else []
    picture, lungs = body(chest, size, rng)
    if kind is not None:
        add_opacity(picture, lungs, chest, plan_opacity(rng, chest, kind))
    for lesion in lesions:
        add_lesion(picture, lungs, lesion, rng)
    exposure = plan_exposure(rng, style)
    if lighter is not None:
        exposure = dataclasses.replace(exposure, middle=PLANTED_MIDDLE[not lighter])
    pixels = expose(picture, exposure, rng)
    corners = stamp_marker(pixels, rng) if marker else None
    return DrawnFilm(
        pixels,
        tuple(
            TruthBox(box.x0 * size, box.y0 * size, box.x1 * size, box.y1 * size, box.kind)
            for box in lesions
        ),
        lungs > 0.5,
        None if corners is None else tuple(size * side for side in corners),  # type: ignore[arg-type]
    )
