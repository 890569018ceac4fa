from __future__ import annotations

from pathlib import Path

from tbspot.samples.counting import balance_notes, count, patient_notes
from tbspot.samples.sample import Sample


def sample(source: str, label: int, split: str) -> Sample:
    return Sample(Path("/film.png"), "film.png", label, source, "p", split)


def test_films_are_counted_by_source_class_and_split() -> None:
    samples = [sample("b", 1, "train"), sample("b", 1, "train"), sample("a", 0, "test")]
    assert count(samples) == {("a", 0): {"test": 1}, ("b", 1): {"train": 2}}


def test_a_split_of_one_class_is_warned_of() -> None:
    samples = [sample("a", 0, "test"), sample("a", 1, "tune"), sample("b", 1, "tune")]
    assert balance_notes(samples) == (
        "split test holds only films without TB",
        "split tune holds only films with TB",
    )


def test_a_source_that_tells_the_label_is_warned_of() -> None:
    (note,) = balance_notes([sample("a", 0, "train"), sample("b", 1, "train")])
    assert note.startswith("in split train every source holds one class only")


def test_a_source_with_both_classes_is_not_warned_of() -> None:
    samples = [sample("a", 0, "train"), sample("a", 1, "train"), sample("b", 1, "train")]
    assert balance_notes(samples) == ()


def test_films_of_fewer_patients_are_told_in_words_for_one_and_for_more() -> None:
    one = [sample("a", 0, "test"), sample("a", 1, "test")]
    assert patient_notes(one)[0].startswith("the 2 films are of 1 patient (")
    assert patient_notes([*one, sample("b", 1, "test")])[0].startswith(
        "the 3 films are of 2 patients ("
    )
