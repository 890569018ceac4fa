from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from studies import Study
from tbspot.errors import TbspotError
from tbspot.records.matching import match
from tbspot.samples.sample import Sample

MAP = np.ones((4, 4), np.float32)


def samples(*names: str) -> list[Sample]:
    return [Sample(Path("/films") / name, name, 1, "a", name) for name in names]


def found(folder: Path, *names: str) -> Sequence[str | None]:
    matched = match(folder, samples(*names), "a film")
    return [one.image if one else None for one in matched.predictions]


def test_a_film_is_found_by_its_name(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"tb/one.png": MAP, "health/one.png": MAP})
    assert found(folder, "health/one.png", "tb/one.png") == ["health/one.png", "tb/one.png"]


def test_or_else_by_its_file_name_without_the_ending(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"one.png": MAP, "two.dcm": MAP})
    assert found(folder, "tb/one.jpg", "two.png", "three.png") == ["one.png", "two.dcm", None]


def test_a_file_name_that_is_not_unique_finds_nothing(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"a/one.png": MAP, "b/one.png": MAP, "two.png": MAP})
    assert found(folder, "one.jpg", "two.png") == [None, "two.png"]


def test_a_name_of_a_folder_and_a_file_is_enough_whatever_the_ending(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"a/one.npy": MAP, "b/one.npy": MAP})
    assert found(folder, "b/one.png", "a/one.png") == ["b/one.npy", "a/one.npy"]


def test_the_last_number_of_a_uid_is_no_ending(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"1.2.840.3": MAP, "1.2.840.77": MAP})
    assert found(folder, "1.2.840.4", "1.2.840.77.png") == [None, "1.2.840.77"]


def test_a_failed_prediction_is_matched_and_not_usable(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"one.png": MAP, "two.png": None})
    matched = match(folder, samples("one.png", "two.png"), "a film")
    assert (len(matched.predictions), matched.usable) == (2, 1)
    assert (matched.model, matched.version) == ("m", "1")


def test_two_films_with_one_prediction_are_refused(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"one.png": MAP})
    with pytest.raises(TbspotError, match=r"one\.png .* fits two films, .* one at a time"):
        found(folder, "a/one.png", "b/one.png")


def test_predictions_of_other_films_are_refused(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"one.png": MAP})
    with pytest.raises(TbspotError, match=r"no prediction of a film \(such as two\.png\)"):
        found(folder, "two.png")


def test_two_predictions_of_one_film_are_refused(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"one.png": MAP})
    lines = folder / "predictions.jsonl"
    lines.write_text(lines.read_text("utf-8") * 2, "utf-8")
    with pytest.raises(TbspotError, match=r"two predictions of one\.png"):
        found(folder, "one.png")


def test_predictions_of_several_models_are_refused(tmp_path: Path) -> None:
    versions = {"one.png": "1", "two.png": "2"}
    folder = Study(tmp_path).predict("m", dict.fromkeys(versions, MAP), version=versions)
    with pytest.raises(TbspotError, match=r"several models \(m 1, m 2\)"):
        found(folder, "one.png")


def test_an_empty_list_of_predictions_is_refused(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"one.png": MAP})
    (folder / "predictions.jsonl").write_text("", "utf-8")
    with pytest.raises(TbspotError, match="holds no prediction; run `tbspot locate`"):
        found(folder, "one.png")


def test_the_prediction_of_another_folder_s_film_of_the_name_is_not_taken(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"p98/chest.png": MAP, "one.png": MAP})
    assert found(folder, "p99/chest.png", "one.png") == [None, "one.png"]
    assert found(folder, "all/p98/chest.dcm", "one.png") == ["p98/chest.png", "one.png"]


def test_the_prediction_of_a_film_of_another_split_is_not_taken(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"chest.png": MAP, "one.png": MAP})
    films, loaded = samples("p99/chest.png", "one.png"), samples("chest.png")
    matched = match(folder, films, "a film", loaded)
    assert [one.image if one else None for one in matched.predictions] == [None, "one.png"]


def test_a_name_that_a_film_of_another_split_has_too_is_refused(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"chest.png": MAP})
    with pytest.raises(TbspotError, match=r"fits two films, .*p99.* and .*p98.* name films with"):
        match(folder, samples("p99/chest.png"), "a film", samples("p98/chest.png"))


def test_the_film_s_own_file_decides_where_names_do_not(tmp_path: Path) -> None:
    films = []
    for patient in ("p98", "p99"):
        path = tmp_path / patient / "chest.png"
        path.parent.mkdir()
        path.write_text(patient)
        films.append(Sample(path, f"{patient}/chest.png", 1, "a", patient))
    digests = {name: hashlib.sha256(b"p99").hexdigest() for name in ("chest.png", "x/chest.png")}
    for name, digest in digests.items():
        folder = Study(tmp_path).predict(f"of {name[0]}", {name: MAP}, bytes=3, sha256=digest)
        matched = match(folder, films[1:], "a film", films)
        assert matched.predictions[0] is not None
        with pytest.raises(TbspotError, match=r"fits two films|no prediction of a film"):
            match(folder, films[:1], "a film", films)


def test_what_is_of_a_loaded_film_is_of_no_copy_of_it(tmp_path: Path) -> None:
    (tmp_path / "film").write_text("film")
    digest = hashlib.sha256(b"film").hexdigest()
    folder = Study(tmp_path).predict("m", {"a/one.png": MAP}, bytes=4, sha256=digest)
    film = Sample(tmp_path / "film", "b/one.png", 1, "a", "1")
    assert match(folder, [film], "a film").predictions[0] is not None
    with pytest.raises(TbspotError, match="no prediction of a film"):
        match(folder, [film], "a film", samples("a/one.png"))


def test_deeper_names_are_found_where_a_film_beside_a_folder_has_the_name_of_one_in_it(
    tmp_path: Path,
) -> None:
    films = ("1.png", "2.png", "extra/1.png", "extra/3.png")
    for root in ("mix", "/films", "/elsewhere"):
        deeper = [f"{root}/{name}" for name in films]
        folder = Study(tmp_path).predict(root.strip("/"), dict.fromkeys(deeper, MAP))
        assert found(folder, *films) == deeper
    folder = Study(tmp_path).predict("shorter", dict.fromkeys(films, MAP))
    with pytest.raises(TbspotError, match=r"1\.png .* fits two films"):
        found(folder, *(f"mix/{name}" for name in films))


def test_films_of_two_sources_that_are_called_alike_are_told_apart_by_their_folders(
    tmp_path: Path,
) -> None:
    films = [Sample(Path("/films") / one / "1.png", "1.png", 1, one, "1") for one in "AB"]
    for names in (["A/1.png", "B/1.png"], ["/films/A/1.png", "/films/B/1.png"]):
        folder = Study(tmp_path).predict(f"as {len(names[0])}", dict.fromkeys(names, MAP))
        matched = match(folder, films, "a film")
        assert [one.image if one else None for one in matched.predictions] == names


def test_a_film_that_was_located_twice_under_two_folders_has_its_prediction(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_text("film")
    digest = hashlib.sha256(b"film").hexdigest()
    maps = {"x/one.png": MAP, "y/one.png": MAP}
    folder = Study(tmp_path).predict("m", maps, bytes=4, sha256=digest)
    (one,) = match(folder, [Sample(path, "one.png", 1, "a", "1")], "a film").predictions
    assert one is not None
    assert one.image == "x/one.png"


def test_what_stands_behind_a_dot_tells_two_patients_apart(tmp_path: Path) -> None:
    folder = Study(tmp_path).predict("m", {"SMITH.JOHN": MAP, "BROWN.ANN": MAP})
    assert found(folder, "SMITH.MARY", "BROWN.ANN") == [None, "BROWN.ANN"]


def test_films_of_which_another_file_was_located_are_counted(tmp_path: Path) -> None:
    films = []
    for name in ("same", "longer", "other", "unread"):
        path = tmp_path / name
        path.write_text("film" if name == "same" else "FILM" if name == "other" else "a film")
        films.append(Sample(path, name, 1, "a", name))
    (tmp_path / "unread").unlink()
    digest = hashlib.sha256(b"film").hexdigest()
    maps = dict.fromkeys((one.name for one in films), MAP)
    matched = match(Study(tmp_path).predict("m", maps, bytes=4, sha256=digest), films, "a film")
    (note,) = matched.notes
    assert "from a file with other bytes, taken by their names: 2 (first: longer, other)" in note
    assert match(Study(tmp_path).predict("older", maps), films, "a film").notes == ()
