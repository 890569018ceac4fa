from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studies import Study, rectangles
from tbspot.errors import TbspotError
from tbspot.evaluation import EvaluationSettings, evaluate_files, refuse_another
from tbspot.records.evaluation import Contender, Evaluation, read_evaluation, write_evaluation
from tbspot.samples.loading import in_split, load


def add_films(study: Study) -> None:
    """Two TB films to be found, one whose prediction fails, two films without TB."""
    study.add("one.png", 1, [(0, 0, 256, 256, "active")])
    study.add("two.png", 1, [(0, 0, 512, 256, "latent"), (512, 256, 1024, 512, "latent")],
              size=(1024, 512))  # fmt: skip
    study.add("lost.png", 1, [(300, 0, 400, 100)])
    study.add("sick.png", 0)
    study.add("health.png", 0)


def student(study: Study) -> Path:
    maps = {
        "one.png": rectangles((0, 0, 256, 128)),
        "two.png": rectangles((256, 256, 512, 512), (0, 300, 128, 428)),
        "lost.png": None,
        "sick.png": rectangles((0, 0, 99, 99), (200, 0, 300, 99)),
        "health.png": rectangles((0, 0, 99, 99)),
    }
    scores = {"one.png": 0.75, "two.png": 0.3, "lost.png": 0, "sick.png": 0.75, "health.png": 0.1}
    return study.predict("student", maps, score=scores)


@pytest.fixture
def settings(tmp_path: Path) -> EvaluationSettings:
    study = Study(tmp_path)
    add_films(study)
    return study.settings(student(study))


@pytest.fixture
def result(settings: EvaluationSettings) -> Evaluation:
    return evaluate_files(settings)


def row(result: Evaluation, name: str) -> Contender:
    (found,) = (one for one in result.contenders if one.name == name)
    return found


def test_every_localization_figure_is_that_worked_out_by_hand(result: Evaluation) -> None:
    figures = row(result, "student").localization
    # Half of the first film's box; 256 x 256 found of 2 x 256 x 256 with 128 x 128 beside it.
    first, second = 1 / 2, 256**2 / (2 * 256**2 + 128**2)
    assert figures.rule == "otsu"
    assert figures.miou.value == pytest.approx((first + second + 0) / 3)
    assert figures.raw_miou.value == pytest.approx((first + second + 0) / 3)
    assert figures.hit.value == pytest.approx(2 / 3)
    assert figures.hit_tolerant.value == pytest.approx(2 / 3)
    assert (figures.side.value, figures.side.films) == (1 / 2, 2)
    energy = 256**2 / (256**2 + 0.9 * 128**2)
    assert figures.energy.value == pytest.approx((1 + energy) / 2, rel=1e-6)
    assert (figures.second_lesion.value, figures.second_lesion.films) == (1 / 2, 1)
    assert figures.detected_and_hit.value == pytest.approx(1 / 3)
    assert figures.detected_miou.value == pytest.approx(first / 3)


def test_every_box_figure_is_that_worked_out_by_hand(result: Evaluation) -> None:
    figures = row(result, "student").localization
    # Two of four truth boxes with precision 1: 51 of COCO's 101 recall levels.
    assert {key: figure.value for key, figure in figures.box_ap.items()} == {
        "0.25": pytest.approx(51 / 101),
        "0.5": pytest.approx(51 / 101),
    }
    assert [figures.froc[key].value for key in ("0.5", "1", "2")] == [1 / 2] * 3
    assert (figures.false_boxes.value, figures.false_boxes.films) == (3 / 2, 2)
    assert figures.false_boxes_called.value == 2 / 2


def test_the_strata_divide_the_films(result: Evaluation) -> None:
    parts = {
        (part.group, part.name): (part.miou.films, part.miou.value)
        for part in row(result, "student").localization.strata
    }
    first, second = 1 / 2, pytest.approx(4 / 9)
    assert parts == {
        ("lesion", "active only"): (1, first),
        ("lesion", "latent only"): (1, second),
        ("lesion", "mixed or uncertain"): (1, 0),
        ("sides", "one-sided"): (2, first / 2),
        ("sides", "two-sided"): (1, second),
        ("lesion area", "small"): (1, 0),
        ("lesion area", "middle"): (1, first),
        ("lesion area", "large"): (1, second),
        ("boxes", "one box"): (2, first / 2),
        ("boxes", "several boxes"): (1, second),
    }


def test_the_controls_stand_in_the_table_under_the_same_protocol(result: Evaluation) -> None:
    whole = row(result, "whole film")
    areas = np.array([1 / 4, 1 / 2, 100**2 / 512**2])
    assert whole.localization.miou.value == pytest.approx(areas.mean())
    assert whole.localization.hit.value == pytest.approx(areas.mean())
    black = row(result, "all black").localization
    assert (black.miou.value, black.hit.value, black.side.value) == (0, 0, 0)
    assert black.energy.reason == "every map is blank"
    assert black.detected_and_hit.reason == "it does not say which films it calls TB"
    centre = row(result, "centre rectangle").localization.miou.value
    corners = (192 * 128) / (256 * 384 + 256**2 - 192 * 128)
    both = 2 * 192 * 128 / (256 * 384 + 2 * 256**2 - 2 * 192 * 128)
    assert centre == pytest.approx((corners + both + 0) / 3)
    assert not any(one.uses_boxes for one in result.contenders)


def test_a_difference_is_paired_film_by_film(result: Evaluation) -> None:
    ours, whole = row(result, "student"), row(result, "whole film")
    assert ours.difference is None
    assert whole.difference is not None
    assert whole.difference.value == pytest.approx(
        ours.localization.miou.value - whole.localization.miou.value  # type: ignore[operator]
    )
    # The first film's difference exceeds the two others' together: every choice of signs of
    # 0.25, -0.06 and -0.04 has a sum at least as great as theirs.
    assert whole.difference.p == 1


def test_classification_is_within_each_source_and_pooled_beside_the_source_alone(
    result: Evaluation,
) -> None:
    figures = row(result, "student").classification
    assert figures is not None
    (within,) = figures.sources
    assert (within.source, within.tb, within.others) == ("a", 2, 2)
    assert within.auroc.value == 2.5 / 4
    assert figures.pooled.auroc.value == 2.5 / 4
    assert figures.source_label.value == 0.5
    assert row(result, "whole film").classification is None


def test_a_source_of_one_class_has_no_auroc_and_says_why(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("tb1.png", 1, [(0, 0, 50, 50)], source="t")
    study.add("tb2.png", 1, [(0, 0, 50, 50)], source="t")
    study.add("nih1.png", 0, source="n")
    study.add("nih2.png", 0, source="n")
    maps = {name: rectangles((0, 0, 50, 50)) for name in ("tb1.png", "tb2.png", "nih1.png")}
    maps["nih2.png"] = maps["tb1.png"]
    scores = {"tb1.png": 0.9, "tb2.png": 0.8, "nih1.png": 0.2, "nih2.png": 0.1}
    result = evaluate_files(study.settings(study.predict("student", maps, score=scores)))
    figures = result.contenders[0].classification
    assert figures is not None
    assert [source.auroc.reason for source in figures.sources] == [
        "there is no TB among the 2 films",
        "there is no film without TB among the 2 films",
    ]
    assert figures.pooled.auroc.value == 1
    assert figures.source_label.value == 1


def test_films_without_a_prediction_are_counted_and_score_zero(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1, [(0, 0, 256, 256)])
    study.add("absent.png", 1, [(0, 0, 256, 256)])
    study.add("boxless.png", 1)
    predictions = study.predict(
        "student", {name: rectangles((0, 0, 256, 256)) for name in ("one.png", "boxless.png")}
    )
    result = evaluate_files(study.settings(predictions))
    assert result.contenders[0].localization.miou.value == 1 / 2
    assert result.counts == {
        "films": 3,
        "TB": 3,
        "TB with a box": 2,
        "not TB": 0,
        "prediction ok": 2,
        "prediction missing": 1,
    }
    assert any("left out of classification: 1 (first: absent.png)" in one for one in result.notes)
    assert any("without a box, not judged in localization: 1" in one for one in result.notes)
    # Without a prediction the size of the film comes from its file: the truth is still there.
    assert row(result, "whole film").localization.miou.value == 1 / 4


def test_a_film_that_nobody_can_read_counts_zero_for_every_row(drawn: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(drawn, data)
    boxed = [one for one in in_split(load([str(data)]).samples, "val") if one.boxes]
    boxed[0].path.write_bytes(b"")
    maps = dict.fromkeys((one.name for one in boxed), rectangles((0, 0, 512, 512)))
    predictions = Study(tmp_path).predict("student", maps | {boxed[0].name: None})
    result = evaluate_files(
        EvaluationSettings(
            predictions, tmp_path, data=(str(data),), split="TBX11K_val", resamples=100
        )
    )
    assert any("cannot be read count 0 for every row: 1" in note for note in result.notes)
    lost, *found = (film for film in result.films if film.truth or film.status == "failed")
    assert (lost.image, lost.iou) == (boxed[0].name, 0)
    whole = row(result, "whole film").localization.miou
    assert whole.films == len(boxed)
    assert whole.value == pytest.approx(sum(film.iou or 0 for film in found) / len(boxed))
    assert whole.value > 0


def test_every_film_is_recorded_for_the_report(result: Evaluation) -> None:
    films = {film.image: film for film in result.films}
    assert list(films) == ["one.png", "two.png", "lost.png", "sick.png", "health.png"]
    assert films["one.png"].found == ((0, 0, 256, 128),)
    assert films["two.png"].truth == ((0, 0, 256, 256), (256, 256, 512, 512))
    assert (films["two.png"].width, films["two.png"].height) == (1024, 512)
    assert films["two.png"].called is False
    assert films["lost.png"].status == "failed"
    assert films["lost.png"].iou == 0
    assert films["health.png"].iou is None
    assert len(films["sick.png"].found) == 2


def test_the_teacher_and_named_controls_are_rows_with_paired_differences(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for number in range(6):
        study.add(f"{number}.png", 1, [(0, 0, 200, 200)])
    half = {f"{number}.png": rectangles((0, 0, 200, 100)) for number in range(6)}
    whole = {f"{number}.png": rectangles((0, 0, 200, 200)) for number in range(6)}
    result = evaluate_files(
        study.settings(
            study.predict("student", whole),
            teacher=study.predict("teacher", half),
            controls={"untrained": study.predict("u", {name: -one for name, one in half.items()})},
        )
    )
    assert [(one.name, one.role) for one in result.contenders][:4] == [
        ("student", "judged"),
        ("teacher", "teacher"),
        ("untrained", "control"),
        ("all black", "control"),
    ]
    difference = row(result, "teacher").difference
    assert difference is not None
    # The same on every film: no interval can be told from that.
    assert (difference.value, difference.low, difference.high) == (0.5, None, None)
    assert "no interval" in str(difference.note)
    # All six signs must agree: 2 of 64.
    assert difference.p == pytest.approx(2 / 64, abs=0.04)
    assert row(result, "untrained").localization.miou.value == 0


def test_rows_of_one_name_are_told_apart_or_refused(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1, [(0, 0, 200, 200)])
    maps = {"one.png": rectangles((0, 0, 200, 200))}
    ours, theirs = study.predict("teacher", maps, version="0123456789"), study.predict("b", maps)
    rows = evaluate_files(study.settings(ours, teacher=theirs)).contenders
    assert [one.name for one in rows[:2]] == ["teacher 012345", "teacher"]
    rows = evaluate_files(study.settings(theirs, controls={"b": ours})).contenders
    assert [one.name for one in rows[:2]] == ["b 1", "b"]
    with pytest.raises(TbspotError, match="two rows would be called 'whole film'"):
        evaluate_files(study.settings(ours, controls={"whole film": theirs}))


def test_a_difference_says_that_the_other_model_lacks_films(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for number in range(3):
        study.add(f"{number}.png", 1, [(0, 0, 200, 100 * (number + 1))])
    maps = {f"{number}.png": rectangles((0, 0, 200, 200)) for number in range(3)}
    teacher = study.predict("teacher", {"0.png": maps["0.png"], "1.png": None})
    result = evaluate_files(study.settings(study.predict("student", maps), teacher=teacher))
    difference = row(result, "teacher").difference
    assert difference is not None
    assert difference.note == "films without a prediction, which count 0 for this row: 2"
    other = row(result, "whole film").difference
    assert other is not None
    assert other.note is None


def test_a_split_without_a_boxed_film_has_null_figures_with_the_reason(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("tb.png", 1, None)
    study.add("other.png", 0)
    maps = {"tb.png": rectangles((0, 0, 9, 90)), "other.png": rectangles((0, 0, 9, 90))}
    result = evaluate_files(study.settings(study.predict("student", maps)))
    figures = result.contenders[0].localization
    assert figures.miou.reason == "no film of the split is TB with a box"
    assert figures.box_ap["0.5"].reason == "no film of the split is TB with a box"
    assert result.contenders[1].difference is not None
    assert result.contenders[1].difference.reason == "no film of the split is TB with a box"
    assert figures.false_boxes.value == 1
    assert result.curves == ()


def test_the_same_settings_give_the_same_file(settings: EvaluationSettings, tmp_path: Path) -> None:
    first = write_evaluation(tmp_path / "first", evaluate_files(settings)).read_bytes()
    assert write_evaluation(tmp_path / "second", evaluate_files(settings)).read_bytes() == first
    assert read_evaluation(tmp_path / "first") == evaluate_files(settings)


def test_another_evaluation_is_not_replaced_unasked(settings: EvaluationSettings) -> None:
    refuse_another(settings)
    write_evaluation(settings.out, evaluate_files(settings))
    refuse_another(settings)
    with pytest.raises(TbspotError, match=r"evaluation of split test of .*--overwrite"):
        refuse_another(replace(settings, split="val"))
    (settings.out / "evaluation.json").write_text("{")
    with pytest.raises(TbspotError, match=r"is not an evaluation .*; choose .* add --overwrite"):
        refuse_another(settings)


def test_the_evaluation_of_other_films_is_not_replaced_unasked(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for number in range(4):
        study.add(f"{number}.png", 1, [(0, 0, 256, 256)], split="")
    source = study.source
    predictions = study.predict(
        "student", {f"{number}.png": rectangles((0, 0, 256, 256)) for number in range(4)}
    )
    for name, chosen in (("first", "0.png"), ("second", "1.png")):
        content = {f"{n}.png": "test" if f"{n}.png" == chosen else "train" for n in range(4)}
        split = {"seed": 0, "films": {"a": content}}
        (tmp_path / f"{name}.json").write_text(json.dumps(split), "utf-8")
    settings = study.settings(predictions, data=(source,), split_file=tmp_path / "first.json")
    write_evaluation(settings.out, evaluate_files(settings))
    refuse_another(settings)
    with pytest.raises(TbspotError, match=r"of split test of other films.*--overwrite"):
        refuse_another(replace(settings, split_file=tmp_path / "second.json"))


def test_data_and_predictions_whose_names_are_no_text_are_judged_and_read_back(
    tmp_path: Path,
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    study = Study(folder)
    study.add("one.png", 1, [(0, 0, 256, 256)], source="")
    study.add("sick.png", 0, source="")
    study.add("copy.png", 0, source="", split="train")
    shutil.copy(folder / "films" / "sick.png", folder / "films" / "copy.png")
    boxes = folder / os.fsdecode(b"\xff.csv")
    boxes.write_text("image,x0,y0,x1,y1,score\none.png,0,0,9,9,0.5\n", "utf-8")
    settings = study.settings(boxes, out=tmp_path / "out")
    first = evaluate_files(settings)
    refuse_another(settings)
    write_evaluation(settings.out, first)
    refuse_another(settings)
    again = read_evaluation(settings.out)
    assert again.provenance == first.provenance
    assert again.provenance.data[0].endswith("/caf\\udce9/films/films.csv")
    assert again.contenders[0].name == "\\udcff"


def repeated(folder: Path, times: int, *, copies: bool = False) -> Evaluation:
    """Four patients with films that a model finds more or less of, each film some times."""
    study = Study(folder)
    folder.mkdir()
    maps = {}
    for patient in range(4):
        for again in range(times):
            name = f"{patient}-{again}.png"
            study.add(name, 1, [(0, 0, 256, 256)])
            maps[name] = rectangles((0, 0, 256, 64 * (patient + 1)))
            if copies and again:
                shutil.copy(folder / "films" / f"{patient}-0.png", folder / "films" / name)
            elif not copies:
                study.rows[-1]["patient"] = f"patient {patient}"
    return evaluate_files(study.settings(study.predict("student", maps)))


@pytest.mark.parametrize("copies", [False, True])
def test_three_films_of_each_patient_are_no_more_than_one(tmp_path: Path, copies: bool) -> None:
    once, often = repeated(tmp_path / "1", 1), repeated(tmp_path / "3", 3, copies=copies)
    for name in ("student", "whole film"):
        one, three = (row(result, name).localization for result in (once, often))
        for figure in ("miou", "hit", "energy"):
            first, second = getattr(one, figure), getattr(three, figure)
            assert second.value == pytest.approx(first.value)
            if first.low is not None:
                assert (second.low, second.high) == pytest.approx((first.low, first.high))
    first, second = (row(result, "whole film").difference for result in (once, often))
    assert first is not None
    assert second is not None
    assert (second.low, second.p) == (pytest.approx(first.low), first.p)
    assert not any("patients" in note for note in once.notes)
    assert any(note.startswith("the 12 films are of 4 patients") for note in often.notes)


def test_boxes_lie_on_the_data_set_s_film_whatever_the_size_of_the_one_located(
    settings: EvaluationSettings, result: Evaluation
) -> None:
    path = settings.predictions / "predictions.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        if line["width"]:
            line |= {"width": 2 * line["width"], "height": 2 * line["height"]}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    on_copies = evaluate_files(settings)
    assert on_copies.contenders == result.contenders
    (note,) = set(on_copies.notes) - set(result.notes)
    assert note.endswith("on a copy of another size, compared by places on the whole film: 2 "
                         "(first: one.png, two.png)")  # fmt: skip


def test_the_prediction_of_another_patient_is_not_lent(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.add("one.png", 1, [(0, 0, 256, 256)])
    study.add("p99/chest.png", 1, [(0, 0, 256, 256)])
    study.add("p98/chest.png", 0, split="train")
    found = study.predict("student", dict.fromkeys(("one.png", "p98/chest.png"), rectangles()))
    films = {film.image: film for film in evaluate_files(study.settings(found)).films}
    assert films["p99/chest.png"].status == "missing"
    assert films["p99/chest.png"].prediction is None
    assert films["one.png"].prediction == "one.png"
