"""Other people's boxes and maps: the same truth, figures worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studies import Study, rectangles
from tbspot.errors import TbspotError
from tbspot.evaluation import JUDGED, evaluate_files, evaluate_matched
from tbspot.evaluation.foreign import matched
from tbspot.records.evaluation import Contender, Evaluation
from tbspot.records.figures import Drawing
from tbspot.records.matching import Predictions, match, predictions_in
from tbspot.samples.loading import in_split, load

FIRST, SECOND = (0, 0, 256, 256), (100, 100, 300, 200)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Two TB films, one of them not square, and two without TB; one film to tune on."""
    study = Study(tmp_path)
    study.add("one.png", 1, [FIRST])
    study.add("two.png", 1, [(200, 100, 600, 200)], size=(1024, 512))
    study.add("sick.png", 0)
    study.add("health.png", 0)
    study.add("tune.png", 1, [FIRST], split="tune")
    return study


def result(image: int | str, box: tuple[float, ...], score: float) -> dict[str, object]:
    x0, y0, x1, y1 = box
    bbox = [x0, y0, x1 - x0, y1 - y0]
    return {"image_id": image, "category_id": 1, "bbox": bbox, "score": score}


def coco(study: Study, *results: dict[str, object]) -> Path:
    path = study.folder / "theirs.json"
    path.write_text(json.dumps(list(results)))
    return path


def table(study: Study, *rows: str) -> Path:
    path = study.folder / "theirs.csv"
    path.write_text("\n".join(["image,x0,y0,x1,y1,score,film_score", *rows]) + "\n")
    return path


def judged(study: Study, path: Path, **changes: object) -> Contender:
    return whole(study, path, **changes).contenders[0]


def whole(study: Study, path: Path, **changes: object) -> Evaluation:
    return evaluate_files(study.settings(path, **changes))


def sentence(study: Study, path: Path, **changes: object) -> str:
    with pytest.raises(TbspotError) as error:
        whole(study, path, **changes)
    return str(error.value)


def detector(study: Study) -> Path:
    """Half of the first film's box and a place beside it, the second's box, one false alarm."""
    return coco(
        study,
        result("one", (0, 0, 256, 128), 0.9),
        result("one", (400, 400, 500, 500), 0.2),
        result("two", (200, 100, 600, 200), 0.6),
        result("sick", (0, 0, 50, 50), 0.3),
    )


def test_figures_of_boxes_are_those_worked_out_by_hand(study: Study) -> None:
    evaluation = whole(study, detector(study))
    row, figures = evaluation.contenders[0], evaluation.contenders[0].localization
    first, second = 256 * 128 / (256 * 256 + 100 * 100), 1.0
    assert (row.name, figures.rule) == ("theirs", "given")
    assert figures.miou.value == pytest.approx((first + second) / 2)
    assert figures.raw_miou.value == figures.miou.value
    assert (figures.hit.value, figures.side.value) == (1, 1)
    inside = 0.9 * 256 * 128
    energy = inside / (inside + 0.2 * 100 * 100)
    assert figures.energy.value == pytest.approx((energy + 1) / 2, rel=1e-5)
    # By falling score half a box (IoU 0.5), a whole one, a false one: precision 1 for both truths.
    assert [figures.box_ap[key].value for key in ("0.25", "0.5")] == [1, 1]
    assert (figures.false_boxes.value, figures.false_boxes.films) == (1 / 2, 2)
    assert figures.detected_and_hit.reason == "it does not say which films it calls TB"
    assert {one.rule: one.miou.reason for one in figures.rules if one.miou.reason} == {
        "otsu": "the model gives boxes and no map",
        "quantile": "the model gives boxes and no map",
        "tuned": "no tuning films were given to choose a least score for the boxes on",
    }


def test_a_films_score_is_that_of_its_best_box_and_no_box_is_no_score_for_tb(study: Study) -> None:
    evaluation = whole(study, detector(study))
    assert [film.score for film in evaluation.films] == [0.9, 0.6, 0.3, 0]
    (note,) = [one for one in evaluation.notes if "does not name" in one]
    assert note == "films that theirs.json does not name, taken as films without a box: 1"


def test_a_table_of_boxes_gives_the_same_figures_as_coco_results(study: Study) -> None:
    rows = table(
        study,
        "one.png,0,0,256,128,0.9,",
        "one.png,400,400,500,500,0.2,",
        "two.png,200,100,600,200,0.6,",
        "sick.png,0,0,50,50,0.3,",
        "health.png,,,,,,",
    )
    by_table, by_coco = whole(study, rows), whole(study, detector(study))
    assert by_table.contenders[0].localization == by_coco.contenders[0].localization
    assert by_table.contenders[0].classification == by_coco.contenders[0].classification
    assert not [note for note in by_table.notes if "does not name" in note]


def test_a_table_may_give_the_score_of_a_film_with_or_without_boxes(study: Study) -> None:
    rows = table(study, "one.png,0,0,9,9,0.9,0.7", "one.png,9,9,20,20,0.4,0.7", "sick.png,,,,,,0.2")
    assert [film.score for film in whole(study, rows).films] == [0.7, 0, 0.2, 0]


def test_boxes_of_too_low_a_score_are_dropped_by_a_threshold_of_the_tuning_split(
    study: Study,
) -> None:
    results = [
        result(name, box, score)
        for name in ("one", "tune")
        for box, score in ((FIRST, 0.8), ((0, 0, 512, 512), 0.3))
    ]
    row = judged(study, path := coco(study, *results), tuning={JUDGED: path}, tuning_split="tune")
    by_rule = {one.rule: one for one in row.localization.rules}
    assert row.localization.rule == "tuned"
    assert by_rule["tuned"].value == pytest.approx(0.32)
    assert row.uses_boxes
    assert row.localization.miou.value == pytest.approx((1 + 0) / 2)
    assert by_rule["given"].miou.value == pytest.approx((1 / 4 + 0) / 2)
    # Ranking counts every box: one of two truths is found, first in order.
    assert row.localization.box_ap["0.5"].value == pytest.approx(51 / 101)


def test_a_least_score_is_found_however_low_or_many_the_scores_are(study: Study) -> None:
    results = [
        result(name, box, score)
        for name in ("one", "tune")
        for box, score in ((FIRST, 0.03), ((0, 0, 512, 512), 0.01))
    ]
    path = coco(study, *results)
    row = judged(study, path, tuning={JUDGED: path}, tuning_split="tune")
    assert {one.rule: one.value for one in row.localization.rules}["tuned"] == 0.03
    assert row.localization.miou.value == pytest.approx((1 + 0) / 2)
    many = [result("tune", (0, 0, 512, 512), n / 1e5) for n in range(1000)]
    evaluation = whole(
        study, coco(study, *results, *many), tuning={JUDGED: path}, tuning_split="tune"
    )
    assert evaluation.contenders[0].localization.miou.value == pytest.approx((1 + 0) / 2)
    path = coco(study, *results, *many)
    curve = whole(study, path, tuning={JUDGED: path}, tuning_split="tune").curves[0]
    assert 0 in curve.thresholds
    assert len(curve.thresholds) < 300
    assert max(curve.miou) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("high", "low"), [(0.03, 0.01), (0.99, 0.97), (0.6, 0.4)])
def test_the_best_least_score_of_each_film_is_found_wherever_the_scores_lie(
    study: Study, high: float, low: float
) -> None:
    boxes = ((FIRST, high), ((0, 0, 512, 512), low))
    limits = whole(study, coco(study, *(result("one", *box) for box in boxes))).limits
    as_it_is, best = (limit.miou.value for limit in limits[:2])
    assert (as_it_is, best) == (pytest.approx(1 / 4 / 2), pytest.approx(1 / 2))


def test_ids_of_results_are_those_of_a_list_of_images(study: Study) -> None:
    listed = study.folder / "annotations.json"
    names = ("two.png", "one.png")
    listed.write_text(
        json.dumps({"images": [{"id": n, "file_name": name} for n, name in enumerate(names)]})
    )
    results = coco(study, result(1, FIRST, 0.5))
    assert judged(study, results, coco_images=listed).localization.miou.value == 1 / 2
    assert "names films by numbers" in sentence(study, results)


def test_results_on_films_of_another_size_than_the_list_of_images_says_are_refused(
    study: Study,
) -> None:
    listed = study.folder / "annotations.json"
    images = [{"id": 0, "file_name": "one.png", "width": 512, "height": 512},
              {"id": 1, "file_name": "two.png", "width": 512, "height": 512}]  # fmt: skip
    listed.write_text(json.dumps({"images": images}))
    whole(study, coco(study, result(0, FIRST, 0.5)), coco_images=listed)
    assert "annotations.json: two.png has boxes for a film of 512 x 512 pixels, and" in sentence(
        study, coco(study, result(1, FIRST, 0.5)), coco_images=listed
    )


def test_maps_give_the_same_figures_from_numbers_and_pictures_of_any_depth(study: Study) -> None:
    maps = {
        "one": rectangles((0, 0, 256, 128)),
        "two": rectangles((100, 100, 300, 200), (0, 300, 128, 428)),
        "sick": rectangles((0, 0, 99, 99)),
        "health": np.zeros((512, 512), np.float32),
    }
    rows = []
    for kind in ("npy", "png", "tiff"):
        folder = study.folder / kind / "maps"
        folder.mkdir(parents=True)
        for name, evidence in maps.items():
            if kind == "npy":
                np.save(folder / f"{name}.npy", evidence)
            else:
                most, whole = (255, np.uint8) if kind == "png" else (65535, np.uint16)
                picture = Image.fromarray((evidence * most).round().astype(whole))
                picture.save(folder / f"{name}.{kind}")
        rows.append(judged(study, folder))
    first, second = rows[0].localization, rows[0]
    assert first.rule == "otsu"
    assert first.miou.value == pytest.approx((1 / 2 + 200 * 100 / (200 * 100 + 128 * 128)) / 2)
    assert second.classification is None
    assert [row.localization.miou for row in rows] == [first.miou] * 3
    assert [row.localization.hit.value for row in rows] == [1.0] * 3


def test_maps_of_any_size_and_in_folders_are_those_of_the_whole_film(study: Study) -> None:
    folder = study.folder / "maps" / "deep"
    folder.mkdir(parents=True)
    quarter = np.zeros((4, 4))
    quarter[:2, :2] = 3
    np.save(folder / "one.npy", quarter)
    row = judged(study, study.folder / "maps")
    assert row.localization.hit.value == 1 / 2
    assert row.localization.miou.value > 0.4


@pytest.mark.parametrize("kind", ["npy", "png"])
def test_maps_that_are_links_are_followed(study: Study, kind: str) -> None:
    (study.folder / "store").mkdir()
    (study.folder / "maps").mkdir()
    stored = study.folder / "store" / f"1a2b.{kind}"
    if kind == "npy":
        np.save(stored, rectangles(FIRST))
    else:
        Image.fromarray((rectangles(FIRST) * 255).astype(np.uint8)).save(stored)
    (study.folder / "maps" / f"one.{kind}").symlink_to(stored)
    assert judged(study, study.folder / "maps").localization.hit.value == 1 / 2


def test_others_stand_beside_ours_as_controls(study: Study) -> None:
    films = ("one.png", "two.png", "sick.png", "health.png")
    ours = study.predict("student", dict.fromkeys(films, rectangles(FIRST)))
    rows = whole(study, ours, controls={"detector": detector(study)}).contenders
    assert [row.name for row in rows[:2]] == ["student", "detector"]
    assert rows[1].difference is not None
    assert "different rules: otsu and given" in str(rows[1].difference.note)


def test_of_others_it_is_not_known_whether_boxes_made_them_unless_they_are_tuned_on_boxes(
    study: Study,
) -> None:
    films = ("one.png", "two.png", "sick.png", "health.png", "tune.png")
    ours = study.predict("student", dict.fromkeys(films, rectangles(FIRST)))
    maps = study.folder / "maps"
    maps.mkdir()
    np.save(maps / "one.npy", rectangles(FIRST))
    theirs = {"detector": detector(study), "maps": maps, "silent": study.folder / "none.json"}
    theirs["silent"].write_text("[]")
    rows = whole(study, ours, controls=theirs).contenders
    assert [row.uses_boxes for row in rows[:4]] == [False, None, None, None]
    assert [row.mark for row in rows[:4]] == ["", "†", "†", "†"]
    assert rows[1].note.endswith("; what it was trained on is not known")
    assert not any(row.mark for row in rows[4:])
    tuned = coco(study, result("one", FIRST, 0.9), result("tune", FIRST, 0.9))
    row = judged(study, tuned, tuning={JUDGED: tuned}, tuning_split="tune")
    assert (row.uses_boxes, row.mark) == (True, "*")


def test_controls_fitted_on_others_maps_may_know_boxes(study: Study) -> None:
    study.add("train.png", 1, split="train")
    path = coco(study, result("one", FIRST, 0.9), result("train", FIRST, 0.9))
    rows = whole(study, path, training=path).contenders
    fitted = [row.mark for row in rows if "fitted on maps" in row.name]
    assert fitted == ["†", "†"]


def test_what_is_in_memory_has_the_figures_of_the_same_in_files(study: Study) -> None:
    films = ("one.png", "two.png", "sick.png", "health.png")
    folder = study.predict("student", dict.fromkeys(films, rectangles(FIRST)))
    samples = in_split(load([study.source]).samples, "test")
    lines = list(predictions_in(folder).lines)
    maps = {line.image: rectangles(FIRST) for line in lines}
    given = Predictions("findings", lines, lambda one: maps[one.image])
    own = match(given, samples, "a film")
    in_memory = evaluate_matched({JUDGED: own}, samples, drawing=Drawing(200, 0))
    assert in_memory.contenders == whole(study, folder).contenders


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("one.png,0,0,9,9,1.5,", "'1.5' in the place of a score in [0, 1]"),
        ("one.png,0,0,nan,9,0.5,", "'nan' in the place of a number of pixels"),
        ("one.png,0,0,1e300,9,0.5,", "'1e300' in the place of a number of pixels"),
        ("one.png,9,0,9,9,0.5,", "has a box of zero size"),
        ("one.png,0,0,9,9,0.5,2", "'2' in the place of a score in [0, 1]"),
        ("other.png,0,0,9,9,0.5,", "has no prediction of a film of split test"),
    ],
)
def test_a_wrong_row_of_a_table_is_refused(study: Study, row: str, words: str) -> None:
    assert words in sentence(study, table(study, row))


@pytest.mark.parametrize(
    "names",
    [("one.png", "one"), ("one", "one.jpg"), ("one.jpg", "one.dcm"), ("a/one.png", "b/one")],
)
def test_two_predictions_of_one_film_are_refused(study: Study, names: tuple[str, str]) -> None:
    rows = [f"{name},0,0,9,9,0.5," for name in names]
    words = f"has predictions of {names[0]} and of {names[1]}, which are of one film, one.png"
    assert words in sentence(study, table(study, *rows, "two.png,0,0,9,9,0.5,"))


@pytest.mark.parametrize("link", [False, True])
def test_a_film_is_not_judged_as_its_own_map(study: Study, link: bool) -> None:
    folder = Path(study.source).parent
    if link:
        folder = study.folder / "maps"
        folder.mkdir()
        (folder / "one.png").symlink_to(study.folder / "films" / "one.png")
    assert "one.png is the film itself and no map of it" in sentence(study, folder)


def test_two_maps_of_one_film_are_refused(study: Study) -> None:
    folder = study.folder / "maps"
    folder.mkdir()
    np.save(folder / "one.npy", rectangles(FIRST))
    Image.new("L", (8, 8)).save(folder / "one.png")
    assert "which are of one film, one.png" in sentence(study, folder)


def test_films_whose_names_differ_in_the_ending_alone_have_each_their_own(study: Study) -> None:
    study.add("one.jpg", 0)
    rows = table(study, "one.png,0,0,9,9,0.9,", "one.jpg,0,0,9,9,0.2,")
    assert [film.score for film in whole(study, rows).films] == [0.9, 0, 0, 0, 0.2]


def test_predictions_of_no_film_that_is_judged_are_counted(study: Study) -> None:
    study.add("deep/a0.png", 1, [FIRST])
    names = ("one.png", "tune.png", "a0", "x/a0.png")
    rows = table(study, *(f"{name},0,0,9,9,0.5," for name in names))
    (note,) = [one for one in whole(study, rows).notes if "no film" in one]
    assert note == (
        "predictions in theirs.csv of no film that is judged, left out: 2 "
        "(first: tune.png, x/a0.png)"
    )
    folder = study.folder / "maps"
    folder.mkdir()
    for name in ("one", "other"):
        np.save(folder / f"{name}.npy", rectangles(FIRST))
    (note,) = [one for one in whole(study, folder).notes if "no film" in one]
    assert note.endswith("left out: 1 (first: other.npy)")


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_model_that_finds_nothing_is_judged(study: Study, kind: str) -> None:
    nothing = coco(study) if kind == "json" else table(study)
    evaluation = whole(study, nothing, tuning={JUDGED: nothing}, tuning_split="tune")
    row = evaluation.contenders[0]
    assert (row.name, row.localization.miou.value) == ("theirs", 0)
    assert row.classification is not None
    assert row.classification.pooled.auroc.value == 0.5
    assert f"films that theirs.{kind} does not name, taken as films without a box: 4" in (
        evaluation.notes
    )


def test_two_scores_of_one_film_are_refused(study: Study) -> None:
    rows = table(study, "one.png,0,0,9,9,0.5,0.5", "one.png,0,0,9,9,0.5,0.6")
    assert "another film_score than before" in sentence(study, rows)


def test_a_coloured_map_and_a_broken_one_are_refused(study: Study) -> None:
    folder = study.folder / "maps"
    folder.mkdir()
    Image.new("RGB", (8, 8), (255, 0, 0)).save(folder / "one.png")
    assert "is in colour, which says nothing of how much" in sentence(study, folder)
    (folder / "one.png").unlink()
    (folder / "one.npy").write_bytes(b"not numbers")
    assert "is not a finite map [h, w] of floating point numbers" in sentence(study, folder)


@pytest.mark.parametrize("name", ["absent.json", "absent.csv"])
def test_a_file_of_boxes_that_is_absent_is_told_of_as_a_file(study: Study, name: str) -> None:
    assert "cannot be read" in sentence(study, study.folder / name)


def test_a_folder_of_neither_is_told_what_it_may_hold(study: Study) -> None:
    (study.folder / "yolo").mkdir()
    (study.folder / "yolo" / "one.txt").write_text("0 0.5 0.5 0.1 0.1 0.9")
    told = sentence(study, study.folder / "yolo")
    assert "holds no predictions.jsonl and no maps (.npy, .png, .tif)" in told
    assert "or a file of boxes (.json, .csv)" in told
    assert "make one with `tbspot locate`" in sentence(study, study.folder / "absent")


def test_a_model_that_calls_no_film_does_not_call_a_missing_one_either(study: Study) -> None:
    folder = study.folder / "maps"
    folder.mkdir()
    np.save(folder / "one.npy", rectangles(FIRST))
    figures = judged(study, folder).localization
    for figure in (figures.detected_and_hit, figures.detected_miou):
        assert figure.reason == "it does not say which films it calls TB"


def test_a_list_of_images_without_results_that_need_it_is_refused(study: Study) -> None:
    folder = study.folder / "maps"
    folder.mkdir()
    np.save(folder / "one.npy", rectangles(FIRST))
    assert "--boxes-images lists the images of COCO results" in sentence(
        study, folder, coco_images=study.folder / "images.json"
    )


def test_a_film_score_may_stand_in_one_row_of_the_film_alone(study: Study) -> None:
    rows = table(study, "one.png,0,0,9,9,0.9,0.7", "one.png,9,9,20,20,0.4,",
                 "two.png,0,0,9,9,0.9,", "two.png,9,9,20,20,0.4,0.2")  # fmt: skip
    assert [film.score for film in whole(study, rows).films] == [0.7, 0.2, 0, 0]


def test_a_map_of_a_place_for_each_pixel_is_read_and_a_larger_one_told(study: Study) -> None:
    folder = study.folder / "maps"
    folder.mkdir()
    np.save(folder / "one.npy", np.zeros((2, 5000), np.float16))
    (sample,) = (one for one in load([study.source]).samples if one.name == "one.png")
    given = matched(folder, [sample], "a film")
    assert given.predictions[0] is not None
    assert given.read_map(given.predictions[0]).shape == (2, 5000)
    with (folder / "one.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (8001, 8000)}
        )
    with pytest.raises(TbspotError, match=r"has 8001 x 8000 places, more than 64,000,000; save"):
        given.read_map(given.predictions[0])


def test_boxes_in_shares_of_the_film_are_not_taken_for_pixels(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    rows = ["image,x0,y0,x1,y1,score", "a,0.1,0.2,0.5,0.9,0.8", "b,0,0,1,1,0.7"]
    path.write_text("\n".join(rows) + "\n", "utf-8")
    with pytest.raises(TbspotError, match="all its boxes within one pixel"):
        matched(path, (), "a film")


def test_boxes_beside_their_film_are_counted_in_a_note(study: Study) -> None:
    theirs = coco(
        study,
        result("one", (600, 10, 700, 90), 0.9),
        result("one", FIRST, 0.8),
        result("two", (-9, 10, 0, 90), 0.7),
        result("sick", (0, 511.5, 9, 600), 0.7),
    )
    samples = in_split(load([study.source]).samples, "test")
    (note,) = (note for note in matched(theirs, samples, "a film").notes if "beside" in note)
    assert note.startswith("boxes in theirs.json that lie beside their film: 2 (the first on one)")
