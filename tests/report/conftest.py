"""One evaluated study that every test of the report may read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from studies import Study, rectangles
from tbspot.evaluation import evaluate_files
from tbspot.records.evaluation import Evaluation, write_evaluation

# A name that would run if it were not escaped.
HOSTILE = "<img src=x onerror=alert(1)>.png"


def half_of(evidence: NDArray[np.float32]) -> NDArray[np.float32]:
    """The map with its right half blank."""
    half = evidence.copy()
    half[:, half.shape[1] // 2 :] = 0
    return half


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Eight TB films of which the number says how well they are found, and four without TB."""
    study = Study(tmp_path_factory.mktemp("study"))
    maps, scores = {}, {}
    for number in range(8):
        name = HOSTILE if number == 0 else f"tb{number}.png"
        study.add(name, 1, [(0, 0, 320, 160)], size=(320, 160))
        maps[name] = rectangles((0, 0, 512, 60 * (number + 1)))
        scores[name] = 0.1 + number / 10
    for number in range(4):
        name = f"no{number}.png"
        study.add(name, 0, None)
        maps[name] = rectangles((0, 0, 99, 99))
        scores[name] = number / 5
    predictions = study.predict("student", maps, score=scores)
    # The teacher finds half of each, and ranks the films the other way round.
    halves = {name: half_of(evidence) for name, evidence in maps.items()}
    reversed_scores = {name: 0.9 - score for name, score in scores.items()}
    teacher = study.predict("teacher", halves, score=reversed_scores)
    settings = study.settings(predictions, teacher=teacher, out=predictions)
    write_evaluation(predictions, evaluate_files(settings))
    return study


@pytest.fixture(scope="session")
def folder(study: Study) -> Path:
    """The folder of predictions and evaluation.json."""
    return study.folder / "student"


@pytest.fixture(scope="session")
def evaluation(folder: Path) -> Evaluation:
    return Evaluation.model_validate_json((folder / "evaluation.json").read_bytes())
