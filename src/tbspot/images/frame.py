"""The square a net sees of a film, and the exact way back.

Takes films `float32 [height, width]` and boxes; gives them in the frame, and boxes in the film
again. Reading films is left to reading.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Frame", "resize", "within"]


def resize(
    image: NDArray[np.float32],
    height: int,
    width: int,
    part: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """Bilinear resize of `[h, w]`, pixel centres aligned, averaging where it reduces.

    Args:
        image: to resize.
        height: wanted.
        width: wanted.
        part: height and width, from the upper left corner, of what is resized; `None` = all.
    """
    part = part or (image.shape[0], image.shape[1])
    if image.shape == (height, width) == part:
        return image
    box = (0.0, 0.0, float(part[1]), float(part[0]))
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, box)
    return np.asarray(resized, np.float32)


def within(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The image `[h, w]`, reduced to at most `side` pixels a side; a smaller one as it is."""
    height, width = image.shape
    factor = min(1.0, side / max(height, width))
    return resize(image, max(1, round(height * factor)), max(1, round(width * factor)))


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
        """The film `[height, width]`, or reduced by a whole factor, in the frame `[size, size]`."""
        factor = max(1, round(self.height / film.shape[0]))
        if film.shape != (-(-self.height // factor), -(-self.width // factor)):
            raise ValueError(f"the frame is for {self.height} x {self.width}, not {film.shape}")
        # The last cells of a reduced film reach beyond it.
        part = (self.height / factor, self.width / factor)
        if self.through is not None and self.through < self.size:
            return resize(resize(film, self.through, self.through, part), self.size, self.size)
        return resize(film, self.size, self.size, part)

    def to_frame(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes `[n, 4]` (x0, y0, x1, y1) from the film's pixels to the frame's."""
        return boxes * (self.size / self._sides())

    def to_film(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes `[n, 4]` (x0, y0, x1, y1) from the frame's pixels to the film's."""
        return boxes * (self._sides() / self.size)

    def _sides(self) -> NDArray[np.float64]:
        return np.array([self.width, self.height, self.width, self.height], np.float64)
