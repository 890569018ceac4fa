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

from tbspot.drawings.anatomy import Picture, body, plan_chest
from tbspot.drawings.exposure import Corners, Style, expose, plan_exposure, stamp_marker
from tbspot.drawings.lesions import add_lesion, plan_lesions
from tbspot.drawings.opacities import add_opacity, plan_opacity, random_kind
from tbspot.samples.sample import TruthBox

__all__ = ["CLASSES", "Corners", "DrawnFilm", "FilmClass", "draw_film"]

FilmClass = Literal["health", "sick", "tb"]
CLASSES: tuple[FilmClass, ...] = get_args(FilmClass)
# The attenuation that comes out mid-grey on films that a planted exposure made lighter or darker.
LIGHTER, DARKER = 0.6, 0.76


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
    marker: Corners | None


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
    and without a shortcut, and in every style.

    Args:
        film_class: `health`, `sick` or `tb`.
        size: side in pixels.
        seed: whole numbers from 0.
        style: of the source.
        marker: whether a marker is planted.
        lighter: whether the exposure is a light or a dark one; `None` leaves it to chance.
    """
    rng = np.random.default_rng([*seed, CLASSES.index(film_class)])
    picture, lungs, boxes = _patient(film_class, size, rng)
    exposure = plan_exposure(rng, style)
    if lighter is not None:
        exposure = dataclasses.replace(exposure, middle=LIGHTER if lighter else DARKER)
    pixels = expose(picture, exposure, rng)
    corners = stamp_marker(pixels, rng) if marker else None
    return DrawnFilm(pixels, boxes, lungs > 0.5, corners)


def _patient(
    film_class: FilmClass, size: int, rng: np.random.Generator
) -> tuple[Picture, Picture, tuple[TruthBox, ...]]:
    """Attenuation, lung fields and truth boxes; lengths are drawn first, the same at every size."""
    kind = random_kind(rng) if film_class == "sick" else None
    chest = plan_chest(rng, enlarged_heart=kind == "heart")
    opacity = None if kind is None else plan_opacity(rng, chest, kind)
    lesions = plan_lesions(rng, chest) if film_class == "tb" else []
    picture, lungs = body(chest, size, rng)
    if opacity is not None:
        add_opacity(picture, lungs, chest, opacity)
    for lesion in lesions:
        add_lesion(picture, lungs, lesion, rng)
    boxes = tuple(
        TruthBox(one.x0 * size, one.y0 * size, one.x1 * size, one.y1 * size, one.kind)
        for one in lesions
    )
    return picture, lungs, boxes
