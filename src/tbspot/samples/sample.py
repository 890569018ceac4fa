"""One film of a data set: where it is, what is known of it.

Takes what a reader found; gives the one record that training and judging share. Reading the
layouts of data sets is left to the modules beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["LesionKind", "Sample", "TruthBox"]

LesionKind = Literal["active", "latent", "uncertain"]


@dataclass(frozen=True)
class TruthBox:
    """A radiologist's box in pixels of the original film, half-open, x right, y down."""

    x0: float
    y0: float
    x1: float
    y1: float
    kind: LesionKind = "uncertain"


@dataclass(frozen=True)
class Sample:
    """One film.

    Attributes:
        path: absolute path of the film.
        name: path relative to the data set's folder of films, POSIX; what predictions call it.
        label: 1 = TB, 0 = not TB.
        source: the data set it comes from.
        patient: whatever identifies the patient within the source; films of one patient never
            stand in two splits. "" where nobody names one: then the film is of one of its own.
        split: the split it belongs to, or "" if it has none yet.
        boxes: truth boxes; `None` when nobody looked for boxes, `()` when there are none.
        size: width and height of the film in pixels, on which its boxes lie, where its reader
            looked.
    """

    path: Path
    name: str
    label: int
    source: str
    patient: str
    split: str = ""
    boxes: tuple[TruthBox, ...] | None = None
    size: tuple[int, int] | None = field(default=None, compare=False)
