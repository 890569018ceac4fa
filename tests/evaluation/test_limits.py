"""What the mean IoU would be if one kind of error were mended by the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies import Study, rectangles
from tbspot.evaluation import evaluate_files
from tbspot.evaluation.limits import MENDED
from tbspot.records.evaluation import Evaluation

BOX = (128, 128, 384, 384)


def judged(tmp_path: Path, *found: tuple[int, int, int, int]) -> Evaluation:
    """An evaluation of one film of 512 x 512 with one lesion."""
    study = Study(tmp_path)
    study.add("one.png", 1, [(*BOX, "active")])
    return evaluate_files(study.settings(study.predict("student", {"one.png": rectangles(*found)})))


def figures(result: Evaluation) -> list[float | None]:
    assert [limit.mended for limit in result.limits] == list(MENDED)
    return [limit.miou.value for limit in result.limits]


def test_a_perfect_map_has_nothing_to_mend(tmp_path: Path) -> None:
    assert figures(judged(tmp_path, BOX)) == [1, 1, 1, 1, 1]


def test_a_lesion_outlined_too_small_gains_by_its_extent_alone(tmp_path: Path) -> None:
    assert figures(judged(tmp_path, (128, 128, 384, 256))) == [1 / 2, 1 / 2, 1 / 2, 1, 1]


def test_a_false_box_is_left_out_or_kept_beside_perfect_extents(tmp_path: Path) -> None:
    # The second rectangle of a drawn map is 0.9 as high: a threshold above that leaves it out.
    small, false = (128, 128, 384, 256), (0, 0, 64, 64)
    with_false = [256 * 128 / (256**2 + 64**2), 256**2 / (256**2 + 64**2)]
    as_it_is, extents = (pytest.approx(value) for value in with_false)
    assert figures(judged(tmp_path, small, false)) == [as_it_is, 1 / 2, 1 / 2, extents, 1]


def test_a_lesion_that_is_not_met_is_lost_to_all_but_the_threshold(tmp_path: Path) -> None:
    assert figures(judged(tmp_path, (0, 0, 64, 64))) == [0, 0, 0, 0, 0]


def test_a_film_without_a_map_counts_0_and_its_third_says_so(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1, [(*BOX, "active")])
    study.add("small.png", 1, [(0, 0, 64, 64, "active")])
    maps = {"one.png": rectangles(BOX), "small.png": None}
    result = evaluate_files(study.settings(study.predict("student", maps)))
    assert figures(result) == [1 / 2] * 5
    parts = [{part.name: part.miou.value for part in limit.parts} for limit in result.limits]
    assert parts == [{"small": 0, "middle": None, "large": 1}] * 5


def test_films_without_boxes_have_no_limits(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1)
    study.add("health.png", 0)
    maps = {"one.png": rectangles(BOX), "health.png": rectangles(BOX)}
    assert not evaluate_files(study.settings(study.predict("student", maps))).limits
