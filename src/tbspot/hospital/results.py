"""From a film and what was said of it to objects for an archive.

Takes a film's path, prediction, pixels and evidence; gives one object a kind. Keeping and sending
them is left to locating/ and sending.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tbspot.choices import ResultKind
from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.hospital.secondary_capture import secondary_capture
from tbspot.hospital.segmentation import segmentation
from tbspot.hospital.source import Source, read_source
from tbspot.hospital.structured_report import structured_report
from tbspot.images.opening import shown
from tbspot.records.predictions import Prediction
from tbspot.records.run import DICOM

__all__ = ["files_of", "results_of", "to_dicom"]

Array = NDArray[np.float32]


def to_dicom(
    kind: ResultKind,
    path: Path,
    prediction: Prediction,
    pixels: Array | None = None,
    evidence: Array | None = None,
    *,
    follow_links: bool = False,
) -> Dataset:
    """A film's result as one DICOM object in the film's study, ready for `save_as`.

    Args:
        kind: `sc`, a picture; `seg`, the regions as masks; `sr`, figures and boxes.
        path: of the DICOM film.
        prediction: of the film; a refused one has a report only, one without a box no masks.
        pixels: `[height, width]` in [0, 1]; for `sc`.
        evidence: `[h, w]` of the whole film; for `sc` and `seg`.
        follow_links: whether a symbolic link stands for the film that it leads to.

    Raises:
        TbspotError: the film is not DICOM or lacks what an archive needs, the prediction is of
            another film or of other bytes, or it has no result of this kind.
    """
    made = results_of((kind,), path, prediction, pixels, evidence, follow_links=follow_links)
    if kind not in made:
        why = "no region was found" if prediction.status == "ok" else f"it was {prediction.status}"
        raise TbspotError(f"{shown(path)} has no result of the kind {kind}, as {why}; ask for sr")
    return made[kind]


def results_of(
    kinds: Sequence[ResultKind],
    path: Path,
    prediction: Prediction,
    pixels: Array | None = None,
    evidence: Array | None = None,
    *,
    follow_links: bool = False,
) -> dict[ResultKind, Dataset]:
    """Those of the kinds that the film has, each as `to_dicom` makes it; the file is read once.

    A film that failed has none.

    Raises:
        TbspotError: as `to_dicom`, but not for a kind that this film has not.
    """
    wanted = [kind for kind in kinds if _has(kind, prediction)]
    if not wanted:
        return {}
    source = read_source(path, prediction.sha256, follow_links=follow_links)
    _check_same_film(source, prediction)
    return {kind: _made(kind, source, prediction, pixels, evidence) for kind in wanted}


def files_of(
    kinds: Sequence[ResultKind],
    path: Path,
    prediction: Prediction,
    pixels: Array | None = None,
    evidence: Array | None = None,
    *,
    follow_links: bool = False,
) -> dict[str, Dataset]:
    """As `results_of`, each under the name of its file in a run's folder.

    The name follows from the film's and the kind alone: made again, a result replaces itself.
    """
    made = results_of(kinds, path, prediction, pixels, evidence, follow_links=follow_links)
    stem = fingerprint(prediction.image.encode())
    return {f"{DICOM}/{stem}-{kind}.dcm": result for kind, result in made.items()}


def _has(kind: ResultKind, prediction: Prediction) -> bool:
    if prediction.status == "ok":
        return kind != "seg" or bool(prediction.boxes)
    return kind == "sr" and prediction.status == "refused"


def _check_same_film(source: Source, prediction: Prediction) -> None:
    height, width = source.reference.Rows, source.reference.Columns
    if prediction.status == "ok" and (prediction.height, prediction.width) != (height, width):
        raise TbspotError(
            f"{source.name} has {width} x {height} pixels, and the prediction is of a film of "
            f"{prediction.width} x {prediction.height}; name the film it was made of"
        )


def _made(
    kind: ResultKind,
    source: Source,
    prediction: Prediction,
    pixels: Array | None,
    evidence: Array | None,
) -> Dataset:
    if kind == "sr":
        return structured_report(source, prediction)
    if evidence is None:
        raise ValueError(f"a result of the kind {kind} needs the evidence")
    if kind == "seg":
        return segmentation(source, prediction, evidence)
    if pixels is None:
        raise ValueError("a picture needs the film's pixels")
    return secondary_capture(source, prediction, pixels, evidence)
