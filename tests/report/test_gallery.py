from __future__ import annotations

import json
import shutil
from pathlib import Path

from tbspot.records.evaluation import Evaluation, FilmResult
from tbspot.records.predictions import FILE_NAME
from tbspot.report.gallery import KINDS, gallery_of, picked


def film(
    image: str, label: int, iou: float | None, called: bool | None, score: float
) -> FilmResult:
    return FilmResult(
        image=image,
        source="a",
        label=1 if label else 0,
        status="ok",
        score=score,
        called=called,
        width=9,
        height=9,
        heatmap=None,
        iou=iou,
        hit=None,
        found=(),
        truth=(),
    )


def names(films: list[FilmResult]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for kind, one in picked(films):
        chosen.setdefault(kind, []).append(one.image)
    return chosen


def test_best_median_worst_missed_and_false_alarm_are_picked_by_their_figures(
    evaluation: Evaluation,
) -> None:
    chosen = names(list(evaluation.films))
    assert list(chosen) == list(KINDS.values())
    # Boxes of 60, 120 ... 480 rows of 512 on a truth of all 512.
    assert chosen[KINDS["best"]] == ["tb7.png", "tb6.png"]
    assert chosen[KINDS["median"]] == ["tb4.png", "tb3.png"]
    assert chosen[KINDS["worst"]] == ["<img src=x onerror=alert(1)>.png", "tb1.png"]
    # Of the films scored under 0.5 those that are not shown yet.
    assert chosen[KINDS["missed"]] == ["tb2.png"]
    assert chosen[KINDS["false alarm"]] == ["no3.png"]


def test_no_film_is_shown_twice() -> None:
    films = [film(f"{number}", 1, number / 9, False, number / 9) for number in range(9)]
    images = [one.image for _, one in picked(films)]
    assert len(images) == len(set(images)) == 8


def test_nothing_is_picked_from_nothing() -> None:
    assert picked([]) == []
    assert picked([film("other", 0, None, False, 0.1)]) == []


def test_one_film_is_the_best_and_nothing_else() -> None:
    assert names([film("only", 1, 0.5, True, 0.9)]) == {KINDS["best"]: ["only"]}


def test_maps_that_came_to_numbered_folders_since_are_shown(
    folder: Path, evaluation: Evaluation, tmp_path: Path
) -> None:
    moved = tmp_path / folder.name
    shutil.copytree(folder, moved)
    lines = [json.loads(line) for line in (moved / FILE_NAME).read_bytes().splitlines()]
    for line in lines:
        before = Path(line["heatmap"])
        line["heatmap"] = (before.parent / "3f" / before.name).as_posix()
        (moved / line["heatmap"]).parent.mkdir(exist_ok=True)
        (moved / before).rename(moved / line["heatmap"])
    (moved / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    shown = [film.heatmap for film in gallery_of(moved, evaluation, [])]
    assert shown == [film.heatmap for film in gallery_of(folder, evaluation, [])]
    assert any(shown)
