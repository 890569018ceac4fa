"""A film as it was read: its pixels, and what its file says of them.

Takes nothing and gives two records. Filling them is left to raster.py, dicom.py with facts.py,
and given.py, judging them to gate/verdict.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["BodyPart", "Facts", "Film", "Kind", "Orientation", "Seen", "View"]

Kind = Literal["PNG", "JPEG", "TIFF", "DICOM", "BMP", "WEBP", "JPEG2000", "array"]
View = Literal["frontal", "lateral", ""]
BodyPart = Literal["chest", "other", ""]
Orientation = Literal["upright", "mirrored", "turned", ""]


@dataclass(frozen=True)
class Facts:
    """What the file says of a film, in words of our own: no text of a tag is ever kept.

    Attributes:
        kind: the file's format, or `array` where pixels were given.
        modality: a DICOM code such as `DX`; empty when the file does not say or the code is
            unknown.
        view: from the view tags; empty when they do not say.
        body_part: from the tags of body part and anatomic region; empty when they do not say.
        orientation: how the stored picture lies to the viewer's (upright, patient's left on the
            right-hand side); empty when the tags do not say.
        pixel_aspect: how many times as high as wide a pixel is; 1 where the file does not say.
        age: the patient's, in whole years.
        for_processing: whether the pixels are a detector's raw values, not meant for show.
        is_result: whether tbspot made it of a film, as a result for an archive.
        corrections: what was done beyond following the tags, one sentence each.
        faults: the standard's titles of optional tags that were unusable and so set aside.
    """

    kind: Kind
    modality: str = ""
    view: View = ""
    body_part: BodyPart = ""
    orientation: Orientation = ""
    pixel_aspect: float = 1.0
    age: int | None = None
    for_processing: bool = False
    is_result: bool = False
    corrections: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A film's file as it was read.

    Attributes:
        bytes: its size.
        sha256: of its bytes.
        times: of its writing and of the last change of any kind, in nanoseconds.
    """

    bytes: int
    sha256: str
    times: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Film:
    """A film: `pixels` `float32 [height, width]` in [0, 1], 0 = black = air, and its facts.

    Attributes:
        pixels: of the whole film, each the mean of several of the file's where it is reduced.
        facts: what the file says.
        reduced_from: height and width in the file, if the film was read smaller.
        seen: the very bytes that the pixels were decoded from; `None` where pixels were given.

    Raises:
        ValueError: the pixels are anything else, which is a fault of ours whatever a file says.
    """

    pixels: NDArray[np.float32]
    facts: Facts
    reduced_from: tuple[int, int] | None = None
    seen: Seen | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels of the file, in which boxes are given."""
        height, width = self.reduced_from or self.pixels.shape
        return height, width

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.float32 or pixels.ndim != 2 or pixels.size == 0:
            raise ValueError(
                f"a film is float32 [height, width], not {pixels.dtype} {pixels.shape}"
            )
        # A value that is not a number fails every comparison.
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            raise ValueError("a film's pixels are numbers in [0, 1]")
