from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studies import Study
from tbspot.records.evaluation import Evaluation, FilmResult
from tbspot.records.predictions import FILE_NAME
from tbspot.report.gallery import KINDS, gallery_of, picked
from tbspot.samples.loading import load


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


def relined(folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A copy of a run's folder, whose predictions are changed one by one."""
    copied = tmp_path / folder.name
    shutil.copytree(folder, copied)
    lines = [change(json.loads(line)) for line in (copied / FILE_NAME).read_bytes().splitlines()]
    (copied / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return copied


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


def test_a_film_that_another_has_replaced_is_not_shown_under_its_answer(
    study: Study, folder: Path, evaluation: Evaluation, tmp_path: Path
) -> None:
    samples = load(study.settings(folder).data).samples
    located = {one.name: hashlib.sha256(one.path.read_bytes()).hexdigest() for one in samples}
    copied = tmp_path / folder.name
    shutil.copytree(folder, copied)
    lines = [json.loads(line) for line in (copied / FILE_NAME).read_bytes().splitlines()]
    for line in lines:
        line["sha256"] = located[line["image"]]
    best = next(gallery_of(folder, evaluation, samples)).film.image
    for replaced in (None, best):
        if replaced:
            next(line for line in lines if line["image"] == best)["sha256"] = "0" * 64
        (copied / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
        unseen = {
            one.film.image for one in gallery_of(copied, evaluation, samples) if not one.picture
        }
        assert unseen == ({replaced} if replaced else set())


def test_boxes_of_a_film_that_was_located_again_have_neither_picture_nor_map(
    study: Study, folder: Path, evaluation: Evaluation, tmp_path: Path
) -> None:
    samples = load(study.settings(folder).data).samples
    judged = {one.name: hashlib.sha256(one.path.read_bytes()).hexdigest() for one in samples}
    films = [one.model_copy(update={"sha256": judged[one.image]}) for one in evaluation.films]
    evaluation = evaluation.model_copy(update={"films": tuple(films)})
    best, *rest = gallery_of(folder, evaluation, samples)
    assert all(one.picture and one.heatmap for one in (best, *rest))
    judged[best.film.image] = "0" * 64
    copied = relined(folder, tmp_path, lambda line: line | {"sha256": judged[line["image"]]})
    now, *others = gallery_of(copied, evaluation, samples)
    assert (now.picture, now.heatmap) == ("", "")
    assert others == rest


def test_no_map_of_another_model_is_shown_beside_the_figures(
    study: Study, folder: Path, evaluation: Evaluation, tmp_path: Path
) -> None:
    """The folder may have been located anew since, and the evaluation lie elsewhere."""
    samples = load(study.settings(folder).data).samples
    copied = relined(folder, tmp_path, lambda line: line | {"version": "later"})
    assert {bool(one.heatmap) for one in gallery_of(folder, evaluation, samples)} == {True}
    assert {bool(one.heatmap) for one in gallery_of(copied, evaluation, samples)} == {False}


def test_films_that_share_a_map_are_told_apart_by_their_names(
    study: Study, folder: Path, evaluation: Evaluation, tmp_path: Path
) -> None:
    samples = load(study.settings(folder).data).samples
    copied = tmp_path / folder.name
    shutil.copytree(folder, copied)
    lines = [json.loads(line) for line in (copied / FILE_NAME).read_bytes().splitlines()]
    for line, sample in zip(lines, samples, strict=True):
        assert line["image"] == sample.name
        line["heatmap"] = lines[0]["heatmap"]
        line["sha256"] = hashlib.sha256(sample.path.read_bytes()).hexdigest()
    (copied / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = {one["image"]: {key: one[key] for key in ("heatmap", "sha256")} for one in lines}
    films = [one.model_copy(update=told[one.image]) for one in evaluation.films]
    evaluation = evaluation.model_copy(update={"films": tuple(films)})
    assert all(one.picture and one.heatmap for one in gallery_of(copied, evaluation, samples))
