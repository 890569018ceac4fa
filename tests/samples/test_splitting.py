from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbspot.errors import TbspotError
from tbspot.samples.loading import load
from tbspot.samples.reading import Reading
from tbspot.samples.sample import Sample
from tbspot.samples.splitting import (
    divide,
    read_split,
    refuse_other_letters,
    shared_patient_notes,
    write_split,
)


def sample(number: int, *, patient: str = "", label: int = 0, split: str = "") -> Sample:
    name = f"film{number}.png"
    return Sample(Path("/films") / name, name, label, "here", patient or name, split)


def test_films_are_divided_in_the_shares_of_each_class() -> None:
    samples = [sample(number, label=int(number < 100)) for number in range(300)]
    counts = Counter((one.label, one.split) for one in divide(samples))
    assert counts == {
        (1, "train"): 80,
        (1, "tune"): 10,
        (1, "test"): 10,
        (0, "train"): 160,
        (0, "tune"): 20,
        (0, "test"): 20,
    }


def test_the_seed_decides_and_the_order_of_films_does_not() -> None:
    samples = [sample(number) for number in range(50)]
    first = {one.name: one.split for one in divide(samples, seed=1)}
    assert {one.name: one.split for one in divide(samples[::-1], seed=1)} == first
    assert {one.name: one.split for one in divide(samples, seed=2)} != first


def test_official_splits_stay_and_draw_the_patients_other_films() -> None:
    samples = [sample(1, patient="p", split="val"), sample(2, patient="p"), sample(3, split="test")]
    assert [one.split for one in divide(samples)] == ["val", "val", "test"]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), min_size=1, max_size=60),
    st.integers(0, 1000),
)
def test_films_of_one_patient_never_stand_in_two_splits(
    films: list[tuple[int, int]], seed: int
) -> None:
    samples = [
        sample(number, patient=str(patient), label=label)
        for number, (patient, label) in enumerate(films)
    ]
    divided = divide(samples, seed)
    assert all(one.split in ("train", "tune", "test") for one in divided)
    assert len({(one.patient, one.split) for one in divided}) == len({p for p, _ in films})
    assert shared_patient_notes(divided) == ()


def test_patients_in_two_official_splits_are_reported() -> None:
    samples = [sample(1, patient="p", split="train"), sample(2, patient="p", split="val")]
    (note,) = shared_patient_notes(samples)
    assert "more than one split: 1" in note
    assert "here p in train, val" in note


def test_a_split_file_gives_back_the_split_it_was_written_from(tmp_path: Path) -> None:
    samples = [sample(number) for number in range(20)]
    divided = divide(samples, seed=5)
    write_split(tmp_path / "split.json", divided, 5)
    assert read_split(tmp_path / "split.json", samples) == divided


def test_a_split_file_that_contradicts_an_official_split_is_refused(tmp_path: Path) -> None:
    write_split(tmp_path / "split.json", [sample(1, split="train"), sample(2, split="test")], 0)
    listed = [sample(1, split="train"), sample(2, split="val")]
    with pytest.raises(TbspotError, match=r"/films/film2\.png is in split 'test', .* in 'val'"):
        read_split(tmp_path / "split.json", listed)


def test_a_film_listed_in_two_splits_does_not_contradict_its_split_file(tmp_path: Path) -> None:
    listed = (sample(1, split="val"), sample(1, split="train"))
    write_split(tmp_path / "split.json", listed, 0)
    assert read_split(tmp_path / "split.json", listed) == listed


def test_an_official_split_that_a_split_file_does_not_know_stays(tmp_path: Path) -> None:
    write_split(tmp_path / "split.json", [sample(2, split="train")], 0)
    (one,) = read_split(tmp_path / "split.json", [sample(1, split="val")])
    assert one.split == "val"


@pytest.mark.parametrize(("one", "other"), [("Train", "train"), ("tune", "Tuning")])
def test_splits_that_differ_in_case_alone_are_refused(one: str, other: str) -> None:
    refuse_other_letters([sample(1, split=one), sample(2, split="Val")])
    with pytest.raises(TbspotError, match=rf"film1\.png is in split '{one}' and .* '{other}'"):
        refuse_other_letters([sample(1, split=one), sample(2, split=other)])


def test_copies_are_divided_as_films_of_one_patient() -> None:
    samples = [sample(number) for number in range(20)]
    groups = [samples[number : number + 2] for number in range(0, 20, 2)]
    for seed in range(5):
        splits = [one.split for one in divide(samples, seed, groups)]
        assert splits[::2] == splits[1::2]
        assert set(splits) == {"train", "tune", "test"}


def test_a_copy_of_a_film_with_a_split_is_in_that_split_also_across_sources() -> None:
    samples = [sample(1, split="val"), replace(sample(2), source="there"), sample(3)]
    divided = divide(samples, copies=[samples[:2]])
    assert [one.split for one in divided[:2]] == ["val", "val"]
    assert divided[2] == divide(samples)[2]
    assert [(one.source, one.patient) for one in divided] == [
        (one.source, one.patient) for one in samples
    ]


def test_a_film_that_the_split_file_does_not_know_is_one_clear_sentence(tmp_path: Path) -> None:
    write_split(tmp_path / "split.json", [sample(1, split="train")], 0)
    with pytest.raises(TbspotError, match=r"does not say the split of 1 films, /films/film2\.png"):
        read_split(tmp_path / "split.json", [sample(1), sample(2)])


def test_a_file_that_is_no_split_is_one_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    for content in ("{}", "[", '{"seed": 0, "films": {"here": "train"}}'):
        path.write_text(content)
        with pytest.raises(TbspotError, match=r"is not a split file of `tbspot prepare`"):
            read_split(path, [sample(1)])
    with pytest.raises(TbspotError, match="cannot be read"):
        read_split(tmp_path / "absent.json", [sample(1)])


@pytest.mark.parametrize("split", ["", "test"])
def test_a_folder_whose_name_is_no_text_gives_a_split_file_that_is_read_back(
    tmp_path: Path, film: Callable[..., Path], split: str
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    for number in range(4):
        film(folder / f"{number}.png")
    rows = "".join(f"{number}.png,1,{split}\n" for number in range(4))
    (folder / "labels.csv").write_text(f"path,label,split\n{rows}", "utf-8")
    divided = load([str(folder)]).samples
    write_split(tmp_path / "split.json", divided, 0)
    write_split(tmp_path / "split.json", divided, 0)
    assert load([str(folder)], tmp_path / "split.json").samples == divided
    assert "caf" in str(Reading(divided))


def test_another_split_is_not_overwritten_without_being_told(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    write_split(path, [sample(1, split="train")], 0)
    write_split(path, [sample(1, split="train")], 0)
    with pytest.raises(TbspotError, match=r"holds another split; .* `overwrite=True`"):
        write_split(path, [sample(1, split="test")], 0)
    assert json.loads(path.read_text())["films"] == {"here": {"film1.png": "train"}}
    write_split(path, [sample(1, split="test")], 0, overwrite=True)
    assert json.loads(path.read_text())["films"] == {"here": {"film1.png": "test"}}
