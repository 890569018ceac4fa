"""Any film to one convention, and the exact way back.

Takes a path; gives `float32 [height, width]`, 0 = black = air, 1 = white. `Frame` is the square
that a net sees and the inverse of that step. What the net makes of it is left to the engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tbspot.errors import TbspotError

__all__ = ["SUFFIXES", "Frame", "read_film", "resize"]

FORMATS = ("PNG", "JPEG", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
# 64 megapixels: four times the largest detector in use, a quarter of a gigabyte as float32.
MOST_PIXELS = 64_000_000
# Pillow's 16-bit and 32-bit integer modes; all hold detector counts of at most 16 bits.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")


def read_film(path: Path) -> NDArray[np.float32]:
    """Read a PNG, JPEG or TIFF as `float32 [height, width]` in [0, 1], upright and grey.

    8-bit values are divided by 255 and deeper ones by 65535; colour becomes luma (ITU-R 601);
    transparency is ignored; the EXIF orientation is applied.

    Raises:
        TbspotError: the file is absent, empty, broken, too large or not an image.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise TbspotError(
                    f"{path} has {image.width} x {image.height} pixels, more than "
                    f"{MOST_PIXELS:,}; reduce it first"
                )
            image.load()
            return _grey(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise TbspotError(f"{path} does not exist; check the path") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise TbspotError(
            f"{path} cannot be read as an image (PNG, JPEG or TIFF); replace or remove it"
        ) from error


def _grey(image: Image.Image) -> NDArray[np.float32]:
    if image.mode in DEEP_MODES:
        return (np.asarray(image, np.float32) / np.float32(65535)).clip(0, 1)
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def resize(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Bilinear resize of `[h, w]`, pixel centres aligned, averaging where it reduces."""
    if image.shape == (height, width):
        return image
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)


@dataclass(frozen=True)
class Frame:
    """The square a net sees of a film of `height` x `width` pixels: the whole film, stretched.

    TBX11K is distributed stretched to a square, so every film is; nothing is cropped or padded,
    and each axis maps back by one factor.

    Attributes:
        height: film's height in pixels.
        width: film's width in pixels.
        size: side of the square in pixels.
        through: if set, the film is first reduced to a square of this side and then enlarged:
            a net trained on films of 128 pixels is shown no sharper ones.
    """

    height: int
    width: int
    size: int
    through: int | None = None

    def apply(self, film: NDArray[np.float32]) -> NDArray[np.float32]:
        """The film `[height, width]` in the frame, `[size, size]`."""
        if film.shape != (self.height, self.width):
            raise ValueError(f"the frame is for {self.height} x {self.width}, not {film.shape}")
        if self.through is not None and self.through < self.size:
            film = resize(film, self.through, self.through)
        return resize(film, self.size, self.size)

    def to_frame(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes `[n, 4]` (x0, y0, x1, y1) from the film's pixels to the frame's."""
        return boxes * (self.size / self._sides())

    def to_film(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes `[n, 4]` (x0, y0, x1, y1) from the frame's pixels to the film's."""
        return boxes * (self._sides() / self.size)

    def _sides(self) -> NDArray[np.float64]:
        return np.array([self.width, self.height, self.width, self.height], np.float64)
