"""What tbspot says of one film, with its heat map and picture.

Takes a prediction, the evidence behind it and a way to the film; gives what a caller, a notebook
or a run folder shows of it. How it is found is left to model.py.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tbspot.choices import ResultKind
from tbspot.errors import TbspotError
from tbspot.extras import needing
from tbspot.images import Film, resize
from tbspot.maps.overlays import PICTURE_SIDE, overlay
from tbspot.records.predictions import PredictedBox, Prediction, Status
from tbspot.scores import shown_pixel, shown_score

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Finding"]


@dataclass(frozen=True, eq=False)
class Finding:
    """One film's score, boxes and heat map, or why it has none.

    Attributes:
        prediction: the film's line of predictions.jsonl, to the bit; the heat map's file stands
            in it only where one was written, the hash only of a file that could be read.
        evidence: for TB, `float32 [h, w]` on the net's own grid, which spans the whole film;
            positive speaks for TB. `None` unless the status is `ok`.
        read: gives the film: with `None` as the model was shown it, which may be reduced; with a
            number, read anew with so many pixels a side, where it has them. A finding that was
            pickled has none, and raises a `TbspotError`.
        path: of the film's file; `None` where it was given as bytes or pixels.
    """

    prediction: Prediction
    evidence: NDArray[np.float32] | None
    read: Callable[[int | None], Film]
    path: Path | None = None

    def __repr__(self) -> str:
        """In a line, as logs and prompts show it: the map's numbers would fill the screen."""
        return f"<tbspot finding {self.image!r}: {self._words()}, boxes: {len(self.boxes)}>"

    def __copy__(self) -> Finding:
        return replace(self)

    def __deepcopy__(self, _: object) -> Finding:
        """A finding of the same film, with a map of its own."""
        return replace(self, evidence=None if self.evidence is None else self.evidence.copy())

    def __reduce__(self) -> tuple[type[Finding], tuple[object, ...]]:
        """For another process: all but the film, which that one has to read itself."""
        absent = partial(_absent, self.image)
        return Finding, (self.prediction, self.evidence, absent, self.path)

    @property
    def image(self) -> str:
        """What the film is called."""
        return self.prediction.image

    @property
    def status(self) -> Status:
        """`ok`, `refused` (no frontal chest film, say) or `failed` (it cannot be read)."""
        return self.prediction.status

    @property
    def code(self) -> str | None:
        """What the gate says in one word, or `unreadable`; `None` where there is nothing to say."""
        return self.prediction.code

    @property
    def reason(self) -> str | None:
        """The same as a sentence: why there is no score, or a warning beside one."""
        return self.prediction.reason

    @property
    def score(self) -> float | None:
        """Probability of TB in [0, 1]; `None` unless the status is `ok`."""
        return self.prediction.score

    @property
    def threshold(self) -> float | None:
        """The score from which the film is called TB."""
        return self.prediction.threshold

    @property
    def called(self) -> bool | None:
        """Whether the score reaches the threshold; `None` without a score."""
        return self.prediction.called

    @property
    def boxes(self) -> tuple[PredictedBox, ...]:
        """Boxes in pixels of the film: half-open, x to the right and y down; best first."""
        return self.prediction.boxes

    @property
    def heatmap(self) -> NDArray[np.float32] | None:
        """The evidence at every pixel of the film, `float32 [height, width]`.

        It has no fixed range: 0 and less is none, and what counts is the share of the map's own
        maximum, from `prediction.map_threshold` of which a place is in a box by rule `tuned`.

        Resized bilinearly with pixel centres aligned, each time it is asked for, so that the array
        is the caller's own; `None` unless the status is `ok`.
        """
        height, width = self.prediction.height, self.prediction.width
        if self.evidence is None or height is None or width is None:
            return None
        return np.array(resize(self.evidence, height, width))

    def overlay(self) -> Image.Image:
        """The film in grey, its heat map over it, boxes around: RGB, at most 1024 pixels a side.

        Raises:
            TbspotError: there is no heat map, or the film can no longer be read or is another one.
        """
        if self.evidence is None:
            raise TbspotError(f"{self.image} has no heat map: {self.reason}")
        film = self.read(None)
        return overlay(film.pixels, self.evidence, self.boxes, shape=film.shape)

    def to_dicom(self, kind: ResultKind) -> Dataset:
        """The result as a DICOM object in the film's study, ready for `save_as`.

        It carries the patient's identifiers, copied from the film.

        Args:
            kind: `sc`, a picture; `seg`, the regions as masks; `sr`, figures and boxes.

        Raises:
            TbspotError: the film is no DICOM file, has no result of this kind, or another film lies
                in its place.
            MissingExtraError: the extra `hospital` is not installed.
        """
        if self.path is None:
            raise TbspotError(f"{self.image} was not given as a file, so no study is known")
        with needing("hospital", "a result as DICOM"):
            from tbspot.hospital import to_dicom
        pixels = None if self.status == "failed" else self.read(PICTURE_SIDE).pixels
        return to_dicom(kind, self.path, self.prediction, pixels, self.evidence, follow_links=True)

    def _repr_html_(self) -> str:
        """What a notebook shows: the score, the boxes, and the picture or why there is none."""
        said = f"<b>{escape(self.image)}</b>: {escape(self._words())}"
        if self.evidence is None:
            return f"<div>{said}</div>"
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{shown_pixel(one)}</td>" for one in (box.x0, box.y0, box.x1, box.y1))
            + f"<td>{shown_score(box.score)}</td></tr>"
            for box in self.boxes
        )
        return (
            f"<div>{said}<br>{self._picture()}"
            f"<table><tr><th>x0</th><th>y0</th><th>x1</th><th>y1</th><th>score</th></tr>{rows}"
            "</table>Research use only, not a diagnosis.</div>"
        )

    def _picture(self) -> str:
        """The overlay as HTML; a sentence where its film cannot be read any more, or not here."""
        file = BytesIO()
        try:
            self.overlay().save(file, "PNG")
        except TbspotError as error:
            return f"<p>{escape(str(error))}</p>"
        picture = b64encode(file.getvalue()).decode()
        return f'<img src="data:image/png;base64,{picture}" alt="film with heat map">'

    def _words(self) -> str:
        if self.score is None:
            return f"{self.status}: {self.reason}"
        called = {True: ", called TB", False: ", not called TB", None: ""}[self.called]
        warning = f" ({self.reason})" if self.reason else ""
        return f"score {shown_score(self.score, self.threshold)} of 100{called}{warning}"


def _absent(image: str, _: int | None) -> Film:
    raise TbspotError(
        f"the film {image} did not come with its finding from another process; locate it in this "
        "one, or make its picture there"
    )
