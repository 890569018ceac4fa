"""A film as it was read: its pixels, and what its file says of them.

Takes nothing and gives two records. Filling them is left to raster.py and dicom.py, judging them
to gate/verdict.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["BodyPart", "Facts", "Film", "Orientation", "View"]

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
        body_part: from the body part tag; empty when it does not say.
        orientation: how the stored picture lies to the viewer's (upright, patient's left on the
            right-hand side); empty when the tags do not say.
        age: the patient's, in whole years.
        corrections: what was done beyond following the tags, one sentence each.
    """

    kind: Literal["PNG", "JPEG", "TIFF", "DICOM", "array"]
    modality: str = ""
    view: View = ""
    body_part: BodyPart = ""
    orientation: Orientation = ""
    age: int | None = None
    corrections: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Film:
    """A film: `pixels` `float32 [height, width]`, 0 = black = air, 1 = white, and its facts."""

    pixels: NDArray[np.float32]
    facts: Facts
