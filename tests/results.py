"""Drawn films of a study and what a model might say of them, for the tests of results as DICOM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dicoms import WriteDicom
from tbspot.drawings import draw_film
from tbspot.images import read_with_facts
from tbspot.locating.predict import boxes_of
from tbspot.maps.cutting import Cut
from tbspot.records.predictions import Prediction

STUDY = "1.2.826.0.1.3680043.8.498.20"
SERIES = "1.2.826.0.1.3680043.8.498.21"
CUT = Cut("tuned", 0.5)


@dataclass(frozen=True)
class Case:
    """A film on disk and what was said of it, as functions of tbspot.hospital take them."""

    path: Path
    prediction: Prediction
    pixels: NDArray[np.float32] | None
    evidence: NDArray[np.float32] | None

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.path, self.prediction, self.pixels, self.evidence


@pytest.fixture(scope="session")
def drawn_pixels() -> NDArray[np.uint8]:
    """A drawn film of TB, `[240, 320]`."""
    return draw_film("tb", 320, (5,)).pixels[:240]


@pytest.fixture
def write_film(write_dicom: WriteDicom, drawn_pixels: NDArray[np.uint8]) -> Callable[..., Path]:
    """Write the drawn film into a study of a patient, with tags changed, and give the path."""

    def write(**tags: Any) -> Path:
        known = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "StudyDate": "20240229",
                 "PatientOrientation": ["L", "F"], "Manufacturer": "PLANTED MAKER"}  # fmt: skip
        given = {key: value for key, value in (known | tags).items() if value is not None}
        return write_dicom(drawn_pixels, **given)

    return write


@pytest.fixture
def answered() -> Callable[..., Case]:
    """What a model says of a film: two regions, of which the first is the surer."""

    def answer(path: Path, **changes: Any) -> Case:
        pixels = read_with_facts(path).pixels
        evidence = np.full((16, 16), -1, np.float32)
        evidence[3:7, 2:6], evidence[8:12, 10:13] = 4, 3
        score = changes.pop("score", 0.87654321)
        said = {
            "image": path.name,
            "status": "ok",
            "score": score,
            "threshold": 0.5,
            "map_threshold": CUT.value,
            "map_rule": CUT.rule,
            "boxes": boxes_of(evidence, CUT, score, *pixels.shape),
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "model": "student",
            "version": "0123456789abcdef",
        }
        return Case(path, Prediction(**(said | changes)), pixels, evidence)

    return answer


@pytest.fixture
def case(write_film: Callable[..., Path], answered: Callable[..., Case]) -> Case:
    """A film of a study with its answer."""
    return answered(write_film())


@pytest.fixture
def refused(write_film: Callable[..., Path]) -> Case:
    """A film that the gate has refused."""
    path = write_film()
    prediction = Prediction(
        image=path.name,
        status="refused",
        code="lateral",
        reason="looks like a lateral view; a frontal one is needed",
        model="student",
        version="0123456789abcdef",
    )
    return Case(path, prediction, None, None)
