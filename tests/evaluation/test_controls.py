from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies import Study, rectangles
from tbspot.evaluation import evaluate_files
from tbspot.evaluation.controls import best_rectangle, blind_mask, plain_controls
from tbspot.metrics import mask_iou

cell = st.integers(0, 31)


def mask(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    return rectangles((x0, y0, x1, y1)) > 0


def test_the_plain_controls_cover_what_their_names_say() -> None:
    shares = {one.name: float(one.normalised.mean()) for one in plain_controls()}
    assert shares == {"all black": 0, "whole film": 1, "centre rectangle": 1 / 2 * 3 / 4}


@given(cell, cell, cell, cell)
@settings(max_examples=25)
def test_the_best_rectangle_for_one_rectangle_is_that_rectangle(
    x: int, y: int, u: int, v: int
) -> None:
    x, u, y, v = min(x, u), max(x, u) + 1, min(y, v), max(y, v) + 1
    wanted = mask(16 * x, 16 * y, 16 * u, 16 * v)
    assert np.array_equal(best_rectangle([wanted]), wanted)


def test_the_best_rectangle_is_at_least_as_good_as_any_other_on_its_cells() -> None:
    random = np.random.default_rng(0)
    masks = []
    for _ in range(6):
        x, y = random.integers(0, 350, 2)
        masks.append(mask(x, y, x + random.integers(20, 150), y + random.integers(20, 150)))
    best = np.mean([mask_iou(best_rectangle(masks), one) for one in masks])
    for _ in range(200):
        x, u = np.sort(random.choice(33, 2, replace=False)) * 16
        y, v = np.sort(random.choice(33, 2, replace=False)) * 16
        assert best >= np.mean([mask_iou(mask(x, y, u, v), one) for one in masks]) - 1e-9


def test_the_blind_mask_is_the_mean_mask_cut_where_it_fits_best() -> None:
    both = mask(0, 0, 100, 100) | mask(400, 400, 500, 500)
    rare = mask(200, 200, 300, 300)
    films = [both, both, both, rare]
    normalised, share, raw_share = blind_mask(lambda: iter(films))
    assert normalised.max() == 1
    assert normalised[205, 205] == pytest.approx(1 / 3)
    # Cut above the rare lesion's share, three films of four are met whole.
    assert share > 1 / 3
    assert raw_share > 1 / 3


def test_masks_are_asked_for_again_and_never_kept() -> None:
    asked = []

    def masks() -> Iterator[np.ndarray]:
        asked.append(True)
        yield mask(0, 0, 100, 100)

    blind_mask(masks)
    assert len(asked) == 2


def test_there_is_nothing_to_fit_without_masks() -> None:
    with pytest.raises(ValueError, match="no mask"):
        best_rectangle([])
    with pytest.raises(ValueError, match="no mask"):
        blind_mask(lambda: iter([]))


def test_fitted_controls_say_whether_they_used_boxes(tmp_path: Path) -> None:
    study = Study(tmp_path)
    lesion, guess = (16, 32, 160, 320), (16, 32, 96, 320)
    for number in range(2):
        study.add(f"test{number}.png", 1, [lesion], "test")
        study.add(f"tune{number}.png", 1, [lesion], "tune")
        study.add(f"train{number}.png", 1, None, "train")
    maps = {name: [f"{name}{number}.png" for number in range(2)] for name in ("test", "train")}
    judged = study.predict("student", dict.fromkeys(maps["test"], rectangles(guess)))
    training = study.predict("training", dict.fromkeys(maps["train"], rectangles(guess)))
    rows = evaluate_files(study.settings(judged, training=training, tuning_split="tune")).contenders
    fitted = {one.name: (one.uses_boxes, one.localization.miou.value) for one in rows[4:]}
    half = pytest.approx(80 / 144)
    assert fitted == {
        "best rectangle, fitted on maps": (False, half),
        "image-blind mask, fitted on maps": (False, half),
        "best rectangle, fitted on boxes": (True, 1),
        "image-blind mask, fitted on boxes": (True, 1),
    }
