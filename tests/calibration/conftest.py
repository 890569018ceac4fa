"""Scores with their truth, drawn from two normal classes; files of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from tbspot.calibration import Scored

DrawScores = Callable[..., Scored]
WriteScores = Callable[..., Path]


@pytest.fixture
def draw_scores() -> DrawScores:
    """Draw films whose scores are the true probabilities of TB."""

    def draw(
        count: int = 400, share: float = 0.25, apart: float = 2.5, seed: int = 0, **fields: object
    ) -> Scored:
        random = np.random.default_rng(seed)
        labels = (np.arange(count) < share * count).astype(int)
        places = random.normal((labels - 0.5) * apart)
        scores = expit(apart * places + np.log(share / (1 - share)))
        return Scored("drawn", scores, labels, **fields)  # type: ignore[arg-type]

    return draw


@pytest.fixture
def write_scores(tmp_path: Path, draw_scores: DrawScores) -> WriteScores:
    """Write columns as a CSV file; without a score, that and the reference of 400 such films."""

    def write(**columns: Sequence[object]) -> Path:
        cells = columns
        if "score" not in columns:
            scored = draw_scores()
            drawn = {"score": scored.scores.tolist(), "reference": scored.labels.tolist()}
            cells = drawn | columns
        path = tmp_path / "scores.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(cells)
            table.writerows(zip(*cells.values(), strict=True))
        return path

    return write
