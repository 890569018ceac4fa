from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tbspot.errors import TbspotError
from tbspot.samples.duplicates import copies, without_training_copies
from tbspot.samples.sample import Sample


@pytest.fixture
def films(tmp_path: Path, film: Callable[..., Path]) -> list[Sample]:
    """Four films, of which the last is a copy of the first."""
    paths = [film(tmp_path / f"{name}.png") for name in "abc"]
    paths.append(Path(shutil.copy(paths[0], tmp_path / "d.png")))
    return [Sample(path, path.name, 0, "here", path.stem) for path in paths]


def splits(films: list[Sample], names: list[str]) -> list[Sample]:
    return [replace(one, split=name) for one, name in zip(films, names, strict=True)]


def test_copies_are_found_by_content_under_other_names(films: list[Sample]) -> None:
    assert copies(films) == [[films[0], films[3]]]


def test_a_training_copy_of_a_held_out_film_is_dropped_and_reported(films: list[Sample]) -> None:
    samples = splits(films, ["train", "train", "val", "val"])
    kept, dropped, notes = without_training_copies(samples)
    assert kept == tuple(samples[1:])
    assert dropped == (samples[0],)
    assert "more than one split: 1" in notes[0]
    assert "dropped from train: 1" in notes[0]


@pytest.mark.parametrize(
    ("trained", "names", "left"),
    [
        (("train", "val"), ["val", "train", "train", "tune"], [1, 2, 3]),
        (("train", "val"), ["train", "train", "train", "val"], [1, 2, 3]),
        (("val",), ["val", "val", "val", "train"], [1, 2, 3]),
        (("mine",), ["mine", "test", "mine", "test"], [1, 2, 3]),
    ],
)
def test_copies_are_dropped_from_whatever_splits_are_trained_on(
    films: list[Sample], trained: tuple[str, ...], names: list[str], left: list[int]
) -> None:
    samples = splits(films, names)
    kept, dropped, notes = without_training_copies(samples, trained)
    assert kept == tuple(samples[number] for number in left)
    assert dropped == (samples[0],)
    assert f"dropped from {' and '.join(trained)}: 1" in notes[0]


@pytest.mark.parametrize("names", [["train"] * 4, ["val", "train", "train", "test"]])
def test_copies_with_two_labels_are_refused_and_both_named(
    films: list[Sample], names: list[str]
) -> None:
    samples = splits([*films[:3], replace(films[3], label=1)], names)
    with pytest.raises(TbspotError, match=r"d\.png is listed as TB and .*a\.png as not TB"):
        without_training_copies(samples)


def test_copies_in_two_held_out_splits_are_reported_and_kept(films: list[Sample]) -> None:
    samples = splits(films, ["val", "train", "train", "test"])
    kept, dropped, notes = without_training_copies(samples)
    assert (kept, dropped) == (tuple(samples), ())
    assert "dropped from train: 0" in notes[0]


def test_copies_within_one_split_are_kept_as_films_of_one_patient(films: list[Sample]) -> None:
    samples = splits(films, ["train"] * 4)
    samples[1] = replace(samples[1], patient=samples[3].patient)
    kept, dropped, notes = without_training_copies(samples)
    assert ([one.path for one in kept], dropped, notes) == ([one.path for one in samples], (), ())
    # The copy's patient is the first one's, and so is their other film's.
    first, other = samples[0].patient, samples[2].patient
    assert [one.patient for one in kept] == [first, first, other, first]


def test_copies_in_two_sources_keep_their_patients(films: list[Sample]) -> None:
    samples = splits(films, ["train"] * 4)
    samples[3] = replace(samples[3], source="another")
    assert without_training_copies(samples)[0] == tuple(samples)


def test_one_film_listed_in_two_splits_is_dropped_from_train(films: list[Sample]) -> None:
    samples = [replace(films[1], split="train"), replace(films[1], split="val")]
    kept, _, notes = without_training_copies(samples)
    assert [one.split for one in kept] == ["val"]
    assert len(notes) == 1


def test_a_film_that_vanished_is_one_clear_sentence(films: list[Sample]) -> None:
    films[1].path.unlink()
    with pytest.raises(TbspotError, match=r"b\.png cannot be read"):
        copies(films)
