from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pages import Places, write_run
from tbspot.errors import TbspotError
from tbspot.files import write_json
from tbspot.gate.verdict import examine
from tbspot.images import Film, read_pixels, read_with_facts
from tbspot.images.decoding import Decoder
from tbspot.locating import find_items
from tbspot.pathnames import as_path, as_text
from tbspot.records.predictions import FILE_NAME, Prediction, read_predictions
from tbspot.viewer.films import films_of
from tbspot.viewer.runs import Run
from tbspot.viewer.truths import truths_of


def record(folder: Path, *films: str, called_in: Path, **settings: object) -> Path:
    """A run.json as locate writes it."""
    folder.mkdir(exist_ok=True)
    content = {"settings": {"films": films, **settings}, "called_in": str(called_in)}
    write_json(folder / "run.json", content)
    return folder


def test_films_of_a_folder_are_found_from_anywhere(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = record(tmp_path / "run", places.films.name, called_in=places.films.parent, gate=False)
    monkeypatch.chdir(tmp_path)
    film = next(places.films.glob("tb/*.png"))
    assert np.array_equal(films_of(run).read(f"tb/{film.name}"), read_pixels(film))


def test_a_film_that_was_named_is_found_by_the_name_given(places: Places, tmp_path: Path) -> None:
    film = next(places.films.glob("tb/*.png"))
    name = f"{places.films.name}/tb/{film.name}"
    run = record(tmp_path / "run", name, called_in=places.films.parent, gate=False)
    assert np.array_equal(films_of(run).read(name), read_pixels(film))


def test_films_of_a_data_set_are_found_by_their_names_in_it(drawn: Path, tmp_path: Path) -> None:
    run = record(tmp_path / "run", str(drawn), called_in=tmp_path, gate=False, follow_links=True)
    film = read_pixels(drawn / "imgs" / "tb" / "tb0001.png")
    assert np.array_equal(films_of(run).read("tb/tb0001.png"), film)


def test_films_that_were_moved_are_found_in_the_folder_given(
    places: Places, tmp_path: Path
) -> None:
    run = record(tmp_path / "run", "gone", called_in=tmp_path, gate=False)
    film = next(places.films.glob("tb/*.png"))
    with pytest.raises(TbspotError, match=r"is not where it was located; .* with --films"):
        films_of(run).read(f"tb/{film.name}")
    assert films_of(run, places.films).read(f"tb/{film.name}").shape == (128, 128)


@pytest.mark.parametrize("name", ["../secret.png", "tb/../../secret.png", "{base}/secret.png"])
def test_no_name_leads_out_of_the_folder_of_films(
    tmp_path: Path, film_path: Path, name: str
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "secret.png").write_bytes(film_path.read_bytes())
    run = record(tmp_path / "run", "films", called_in=tmp_path)
    with pytest.raises(TbspotError, match="is not where it was located"):
        films_of(run).read(name.format(base=tmp_path))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, film_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "link.png").symlink_to(film_path)
    run = record(tmp_path / "run", "films", called_in=tmp_path)
    with pytest.raises(TbspotError, match="is a symbolic link"):
        films_of(run).read("link.png")


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"settings": {"films": 3}}'])
def test_a_run_that_does_not_say_where_its_films_are_has_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(TbspotError, match="is not where it was located"):
        films_of(tmp_path).read("film.png")


def test_a_film_that_the_gate_set_right_is_shown_set_right(tmp_path: Path) -> None:
    film = tmp_path / "films" / "negative.png"
    film.parent.mkdir()
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (256, 256), np.uint8)).save(film)
    run = record(tmp_path / "run", "films", called_in=tmp_path, gate=True)
    expected = examine(read_with_facts(film)).film.pixels
    assert np.array_equal(films_of(run).read("negative.png"), expected)


def test_a_map_outside_the_run_is_not_read(tmp_path: Path, places: Places) -> None:
    line = next(one for one in read_predictions(places.run) if one.status == "ok")
    np.save(tmp_path / "secret.npy", np.ones((4, 4), np.float32))
    run = tmp_path / "run"
    run.mkdir()
    moved = line.model_copy(update={"heatmap": "../secret.npy"})
    (run / "predictions.jsonl").write_text(moved.model_dump_json() + "\n")
    evidence = Run(run).case(0).evidence
    assert evidence is not None
    with pytest.raises(TbspotError, match="is not a heat map of tbspot"):
        evidence()


@pytest.fixture
def copied(places: Places, tmp_path: Path) -> Places:
    """The runs and their films, to be changed."""
    films, run = tmp_path / "films", tmp_path / "run"
    shutil.copytree(places.films, films)
    write_run(run, places.model, films)
    return Places(places.model, run, run, films)


def _located(run: Path) -> tuple[int, Prediction]:
    """The first film that has a score, with its number."""
    lines = enumerate(read_predictions(run))
    return next((number, line) for number, line in lines if line.status == "ok")


@pytest.mark.parametrize("moved", [False, True])
def test_another_film_under_the_name_of_one_is_not_shown_under_its_answer(
    copied: Places, tmp_path: Path, *, moved: bool
) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(copied.films, folder)
    number, line = _located(copied.run)
    film = Run(copied.run, folder if moved else None).case(number).film
    assert film().shape == (128, 128)
    path = (folder if moved else copied.films) / line.image
    Image.fromarray(255 - np.array(Image.open(path))).save(path)
    with pytest.raises(TbspotError, match=r"is not the film that was located, .* --films"):
        film()


def test_a_line_of_before_which_says_nothing_of_bytes_shows_the_film_of_its_name(
    copied: Places,
) -> None:
    line = _located(copied.run)[1].model_copy(update={"bytes": None, "sha256": None})
    (copied.run / FILE_NAME).write_text(line.model_dump_json() + "\n")
    path = copied.films / line.image
    Image.fromarray(255 - np.array(Image.open(path))).save(path)
    assert Run(copied.run).case(0).film().shape == (128, 128)


def test_the_other_run_s_answer_about_another_film_of_the_name_is_not_shown_beside(
    places: Places, copied: Places
) -> None:
    _, own = _located(places.run)
    beside = Run(copied.run).case_of(own)
    assert beside is not None
    assert beside.prediction.score is not None
    changed = own.model_copy(update={"sha256": "0" * 64})
    other = Run(copied.run).case_of(changed)
    assert other is not None
    assert (other.prediction.status, other.prediction.score) == ("failed", None)
    assert "is another film in" in str(other.prediction.reason)
    with pytest.raises(TbspotError, match="is another film in"):
        other.film()


def test_a_run_that_was_not_evaluated_knows_no_truth(places: Places) -> None:
    assert set(truths_of(places.other_run, list(read_predictions(places.other_run)))) == {None}


def test_truth_is_known_of_films_whose_maps_came_to_numbered_folders_since(places: Places) -> None:
    predictions = list(read_predictions(places.run))
    moved = [
        one.model_copy(update={"heatmap": one.heatmap and one.heatmap.replace("/", "/3f/")})
        for one in predictions
    ]
    known = truths_of(places.run, predictions)
    assert known == truths_of(places.run, moved)
    assert any(known)


def test_truth_is_not_shown_with_another_film_of_the_name(places: Places) -> None:
    predictions = list(read_predictions(places.run))
    known = truths_of(places.run, predictions)
    moved = [one.model_copy(update={"image": f"p2/{one.image}"}) for one in predictions]
    assert not any(truths_of(places.run, moved))
    changed = [one.model_copy(update={"sha256": "0" * 64}) for one in predictions]
    assert not any(truths_of(places.run, changed))
    older = [one.model_copy(update={"sha256": None}) for one in predictions]
    assert truths_of(places.run, older) == known


def test_truth_of_an_evaluation_that_says_nothing_of_predictions_is_that_of_the_name(
    places: Places, tmp_path: Path
) -> None:
    predictions = list(read_predictions(places.run))
    evaluation = json.loads((places.run / "evaluation.json").read_text("utf-8"))
    for film in evaluation["films"]:
        del film["prediction"], film["sha256"]
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation), "utf-8")
    assert truths_of(tmp_path, predictions) == truths_of(places.run, predictions)


def test_no_overlap_of_another_run_is_shown(places: Places, tmp_path: Path) -> None:
    """An evaluation of others' predictions may have been written here: the truth is the same."""
    predictions = list(read_predictions(places.run))
    evaluation = json.loads((places.run / "evaluation.json").read_text("utf-8"))
    evaluation["provenance"]["predictions"] = "../other"
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation), "utf-8")
    known = [one for one in truths_of(places.run, predictions) if one]
    assert any(one.iou is not None for one in known)
    assert [one for one in truths_of(tmp_path, predictions) if one] == [
        replace(one, iou=None) for one in known
    ]


def test_truth_is_placed_on_the_film_that_is_shown(places: Places) -> None:
    predictions = list(read_predictions(places.run))
    doubled = [
        one.model_copy(update={"width": 2 * one.width, "height": 2 * one.height})
        if one.width and one.height
        else one
        for one in predictions
    ]
    for truth, twice in zip(
        truths_of(places.run, predictions), truths_of(places.run, doubled), strict=True
    ):
        if truth and twice:
            assert np.allclose(np.array(twice.boxes), 2 * np.array(truth.boxes))


def test_truth_is_in_pixels_of_the_film(places: Places, drawn: Path) -> None:
    predictions = list(read_predictions(places.run))
    truths = dict(
        zip((one.image for one in predictions), truths_of(places.run, predictions), strict=True)
    )
    annotations = json.loads((drawn / "annotations" / "json" / "TBX11K_val.json").read_text())
    files = {one["id"]: one["file_name"] for one in annotations["images"]}
    boxes: dict[str, list[list[float]]] = {}
    for one in annotations["annotations"]:
        x, y, w, h = one["bbox"]
        boxes.setdefault(files[one["image_id"]], []).append([x, y, x + w, y + h])
    boxed = {name: truth for name, truth in truths.items() if truth and truth.boxes}
    assert boxed
    for name, truth in boxed.items():
        assert truth.label == 1
        assert np.allclose(sorted(map(list, truth.boxes)), sorted(boxes[name]))


def test_an_evaluation_of_another_version_is_one_sentence(places: Places, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text("{}")
    with pytest.raises(TbspotError, match="make one with `tbspot evaluate`"):
        truths_of(tmp_path, list(read_predictions(places.run)))


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text are Linux's")
@pytest.mark.parametrize("named", [True, False])
def test_films_whose_names_are_no_text_are_found(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(os.fsdecode(b"w\xe4rd"))
    folder.mkdir()
    film = folder / os.fsdecode(b"\xff.png")
    shutil.copy(drawn / "imgs" / "tb" / "tb0001.png", film)
    given = film if named else folder
    (item,) = find_items([given], tmp_path / "run")
    run = record(tmp_path / "run", as_text(given), called_in=tmp_path, gate=False)
    assert item.name.isascii()
    assert np.array_equal(films_of(run).read(item.name), read_pixels(film))


def test_a_text_is_made_a_path_again_only_where_no_file_bears_it(tmp_path: Path) -> None:
    name = tmp_path / "\\udcff"
    assert os.fsencode(as_path(str(name))).endswith(b"/\xff")
    name.touch()
    assert as_path(str(name)) == name


def test_a_film_that_was_there_for_a_moment_is_not_shown_under_the_answer_of_another(
    copied: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, line = _located(copied.run)
    film, path, read = Run(copied.run).case(number).film, copied.films / line.image, Decoder.read
    own = path.read_bytes()

    def read_other(decoder: Decoder, film: Path, name: str, **options: Any) -> Film:
        Image.fromarray(255 - np.array(Image.open(path))).save(path)
        try:
            return read(decoder, film, name, **options)
        finally:
            path.write_bytes(own)

    monkeypatch.setattr(Decoder, "read", read_other)
    with pytest.raises(TbspotError, match=r"is not the film that was located, .* --films"):
        film()


def test_no_film_and_map_are_shown_under_an_answer_that_is_no_longer_the_run_s(
    copied: Places,
) -> None:
    number, line = _located(copied.run)
    case, path = Run(copied.run).case(number), copied.run / FILE_NAME
    assert case.evidence is not None
    whole = path.read_bytes()
    path.write_bytes(whole + line.model_copy(update={"image": "new"}).model_dump_json().encode())
    case.film(), case.evidence()  # a run that goes on changes nothing of this film
    again = line.model_copy(update={"score": 0.125}).model_dump_json().encode() + b"\n"
    lines = whole.splitlines(keepends=True)
    for changed in (
        [*lines[:number], again, *lines[number + 1 :]],
        [*lines[:number], *lines[number + 1 :], again],
        lines[:number],
        [b"[\n", *lines],
    ):
        path.write_bytes(b"".join(changed))
        for read in (case.film, case.evidence):
            with pytest.raises(TbspotError, match="has changed since this page was opened"):
                read()


@pytest.mark.parametrize("given", ["x" * 5000, "a/" * 3000, "\0"])
@pytest.mark.parametrize("place", ["films", "called_in"])
def test_a_run_that_names_what_is_no_path_is_one_clear_sentence(
    tmp_path: Path, given: str, place: str
) -> None:
    films, base = (given, str(tmp_path)) if place == "films" else ("films", given)
    run = tmp_path / "run"
    run.mkdir()
    write_json(run / "run.json", {"settings": {"films": [films]}, "called_in": base})
    with pytest.raises(TbspotError, match=r"a\.png is not where it was located"):
        films_of(run).read("a.png")
