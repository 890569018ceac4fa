"""The result as a picture (Secondary Capture Image, PS3.3 A.8.1), which every viewer shows.

Takes a film's source, prediction, pixels and evidence; gives an object whose picture holds film,
heat map and boxes under a band of words. What the picture is made of is left to maps/overlays.py.
"""

from __future__ import annotations

import textwrap

import numpy as np
from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from tbspot import __version__
from tbspot.hospital.instance import DISCLAIMER, finished, identity, said_of_score
from tbspot.hospital.source import Source
from tbspot.images.facts import MAKER
from tbspot.maps.boxes import normalise
from tbspot.maps.overlays import PICTURE_SIDE, overlay
from tbspot.records.predictions import Prediction

__all__ = ["secondary_capture"]

# Under a film as small as a stamp the words need more room than the film.
LEAST_WIDTH = 640
# Of the picture's width.
TEXT_SHARE = 1 / 45
LEAST_TEXT = 8
# Of a warning, in letters: not longer than the other lines, or all would be written smaller.
LONGEST_LINE = 70
TEXT_COLOUR, DISCLAIMER_COLOUR = (255, 255, 255), (255, 200, 60)


def secondary_capture(
    source: Source,
    prediction: Prediction,
    pixels: NDArray[np.float32],
    evidence: NDArray[np.float32],
) -> Dataset:
    """The film's picture as an object of 8-bit RGB, uncompressed.

    Its modality is the film's, as the SC Equipment module has it (PS3.3 C.8.6.1: the source
    equipment). It says that words are burnt in; nothing of the patient is among them.

    Args:
        source: of the film.
        prediction: of status `ok`.
        pixels: `[height, width]` in [0, 1].
        evidence: `[h, w]` of the whole film.
    """
    picture = np.asarray(_picture(prediction, pixels, evidence, source.pixel_ratio))
    reference = source.reference
    made = SCImage(
        picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # highdicom asks for one; the film's own follows
        study_instance_uid=reference.StudyInstanceUID,
        **identity(source, prediction, "sc", f"{_heat(evidence)} {source.pixel_ratio:.4f}"),
    )
    made.Modality = reference.Modality
    made.PatientOrientation = reference.PatientOrientation
    made.Laterality = ""
    made.ConversionType = "WSD"
    made.BurnedInAnnotation = "YES"
    made.DerivationDescription = f"heat map and boxes of {MAKER}; {DISCLAIMER.lower()}"
    made.SourceImageSequence = [_referenced(reference)]
    return finished(made, source)


def _heat(evidence: NDArray[np.float32]) -> str:
    """What tells one heat map from another; coarse, so that a last digit makes no other picture."""
    return f"{normalise(evidence).mean():.4f}"


def _referenced(reference: Dataset) -> Dataset:
    """The film, as what the picture was made of (PS3.3 table 10-3)."""
    item = Dataset()
    item.ReferencedSOPClassUID = reference.SOPClassUID
    item.ReferencedSOPInstanceUID = reference.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [
        CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
    ]
    return item


def _picture(
    prediction: Prediction,
    pixels: NDArray[np.float32],
    evidence: NDArray[np.float32],
    pixel_ratio: float,
) -> Image.Image:
    film = overlay(pixels, evidence, prediction.boxes, PICTURE_SIDE, _shape(prediction, pixels))
    film = _in_square_pixels(film, pixel_ratio)
    width = max(film.width, LEAST_WIDTH)
    band = _band(_words(prediction), width)
    picture = Image.new("RGB", (width, band.height + film.height))
    picture.paste(band, (0, 0))
    picture.paste(film, ((width - film.width) // 2, band.height))
    return picture


def _in_square_pixels(film: Image.Image, pixel_ratio: float) -> Image.Image:
    """The film as high and wide as it was; the side that is too long is made shorter.

    Words stand in the same picture, so that its pixels must be square.
    """
    width, height = film.size
    shape = max(1, round(width / max(1, pixel_ratio))), max(1, round(height * min(1, pixel_ratio)))
    return film if shape == film.size else film.resize(shape, Image.Resampling.LANCZOS)


def _words(prediction: Prediction) -> tuple[str, ...]:
    count = len(prediction.boxes)
    warning = f"Warning: {prediction.reason}" if prediction.reason else ""
    regions = "no region" if not count else "1 region" if count == 1 else f"{count} regions"
    return (
        DISCLAIMER,
        said_of_score(prediction),
        *textwrap.wrap(warning, LONGEST_LINE),
        f"{regions} in boxes; colours relative to this film's own maximum",
        f"{MAKER} {__version__}, model {prediction.model}, version {prediction.version}",
    )


def _band(lines: tuple[str, ...], width: int) -> Image.Image:
    """Lines on black, as large as the width allows."""
    size = round(width * TEXT_SHARE)
    longest = max(ImageFont.load_default(size).getlength(line) for line in lines)
    size = max(LEAST_TEXT, int(size * min(1.0, (width - 2 * size) / longest)))
    font, step = ImageFont.load_default(size), round(1.4 * size)
    band = Image.new("RGB", (width, step * len(lines) + size))
    draw = ImageDraw.Draw(band)
    for number, line in enumerate(lines):
        colour = TEXT_COLOUR if number else DISCLAIMER_COLOUR
        draw.text((size, size // 2 + number * step), line, fill=colour, font=font)
    return band


def _shape(prediction: Prediction, pixels: NDArray[np.float32]) -> tuple[int, int]:
    """The film's own height and width, in whose pixels boxes are."""
    return prediction.height or pixels.shape[0], prediction.width or pixels.shape[1]
