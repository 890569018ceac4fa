"""Changes of a film that change nothing medical, and their way back for a map.

Takes a film `[h, w]` and the side to which a model reduces it; gives the changed film. A map of
the changed film is brought back, so that it can be laid over that of the film itself. How a model
takes them is left to per_film.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from tbspot.images import resize

__all__ = ["CHANGES", "Change"]

Picture = NDArray[np.float32]

ANGLE = 3.0
CROP = 0.05
QUALITY = 50
# Of the blur and the letter, as shares of the film's side.
BLUR, LETTER = 1.5 / 512, 0.09
# A JPEG has no longer side, and a narrow film no square of more pixels than a film may have.
JPEG_SIDE, SQUARE_SIDE = 65_500, 8_000


def _same(map_: Picture) -> Picture:
    return map_


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        name: in words.
        apply: to a film; the second argument is the side to which the model reduces films. Gives
            `None` where there is nothing to change.
        undo: to a square map of the changed film.
    """

    name: str
    apply: Callable[[Picture, int], Picture | None]
    undo: Callable[[Picture], Picture] = _same


def _gamma(power: float) -> Callable[[Picture, int], Picture]:
    return lambda film, _: film**power


def _contrast(factor: float) -> Callable[[Picture, int], Picture]:
    return lambda film, _: (0.5 + (film - 0.5) * np.float32(factor)).clip(0, 1)


def _blur(film: Picture, _: int) -> Picture:
    blurred: Picture = ndimage.gaussian_filter(film, BLUR * max(film.shape))
    return blurred


def _jpeg(film: Picture, _: int) -> Picture | None:
    if max(film.shape) > JPEG_SIDE:
        return None
    file = BytesIO()
    Image.fromarray((film * 255).round().astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file), np.float32) / np.float32(255)


def _turned(picture: Picture, angle: float) -> Picture:
    """Turned as a square: a map has no other form, and a film is stretched to one anyway."""
    side = min(max(picture.shape), SQUARE_SIDE)
    square = resize(picture, side, side)
    turned: Picture = ndimage.rotate(square, angle, reshape=False, order=1, mode="nearest")
    return resize(turned, *picture.shape)


def _turn(angle: float) -> Change:
    return Change(
        f"turned by {angle:+g} degrees",
        lambda film, _: _turned(film, angle),
        lambda map_: _turned(map_, -angle),
    )


def _mirrored(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[:, ::-1])


def _cropped(film: Picture, _: int) -> Picture:
    down, across = (round(CROP * side) for side in film.shape)
    return np.ascontiguousarray(film[down : film.shape[0] - down, across : film.shape[1] - across])


def _uncropped(map_: Picture) -> Picture:
    side = len(map_)
    edge = round(CROP * side)
    whole = np.zeros_like(map_)
    whole[edge : side - edge, edge : side - edge] = resize(map_, side - 2 * edge, side - 2 * edge)
    return whole


def _lettered(film: Picture, _: int) -> Picture | None:
    """A white L near the top corner, as lead markers are; none that is under a pixel."""
    height, width = film.shape
    size = LETTER * min(height, width)
    if size < 1:
        return None
    image = Image.fromarray(film.copy())
    ImageDraw.Draw(image).text((0.93 * width, 0.03 * height), "L", 1.0, anchor="ra", font_size=size)
    return np.asarray(image)


def _resized(resampling: Image.Resampling) -> Callable[[Picture, int], Picture | None]:
    """Reduced by another kernel before the model's own, which then finds nothing left to do."""

    def apply(film: Picture, side: int) -> Picture | None:
        if min(film.shape) <= side:
            return None
        image = Image.fromarray(film).resize((side, side), resampling)
        return np.asarray(image, np.float32).clip(0, 1)

    return apply


CHANGES: tuple[Change, ...] = (
    Change("lighter (gamma 0.8)", _gamma(0.8)),
    Change("darker (gamma 1.25)", _gamma(1.25)),
    Change("contrast x 0.8", _contrast(0.8)),
    Change("contrast x 1.2", _contrast(1.2)),
    Change(f"blur of {BLUR:.1%} of the side", _blur),
    Change(f"JPEG of quality {QUALITY}", _jpeg),
    _turn(ANGLE),
    _turn(-ANGLE),
    Change("mirrored", lambda film, _: _mirrored(film), _mirrored),
    Change(f"{CROP:.0%} cropped on each side", _cropped, _uncropped),
    Change("a letter L pasted in a corner", _lettered),
    Change("reduced without smoothing (nearest)", _resized(Image.Resampling.NEAREST)),
    Change("reduced by cubic interpolation", _resized(Image.Resampling.BICUBIC)),
)
