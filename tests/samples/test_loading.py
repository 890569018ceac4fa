from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tbspot.errors import TbspotError
from tbspot.samples.loading import in_split, load, require_both_classes, require_positives
from tbspot.samples.splitting import write_split

REAL = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def findings(tmp_path: Path, film: Callable[..., Path]) -> Path:
    """A table of twenty films of ten patients, without splits, half of them pneumonia."""
    folder = tmp_path / "clinic"
    rows = []
    for number in range(20):
        film(folder / f"{number}.png")
        rows.append(f"{number}.png,0,{number % 10},{'pneumonia' if number % 2 else 'none'}")
    (folder / "labels.csv").write_text("path,label,patient,finding\n" + "\n".join(rows) + "\n")
    return folder / "labels.csv"


def test_a_drawn_data_set_loads_with_its_official_splits(drawn: Path) -> None:
    loaded = load([str(drawn)])
    assert Counter(one.label for one in loaded.samples) == {0: 32, 1: 16}
    assert Counter(one.split for one in loaded.samples) == {"train": 36, "val": 12}
    assert all(one.boxes for one in loaded.samples if one.label)
    assert loaded.dropped == ()


def test_sources_are_combined_and_films_without_a_split_get_one(
    tbx11k: Path, findings: Path
) -> None:
    loaded = load([str(tbx11k), str(findings)])
    assert Counter(one.source for one in loaded.samples) == {"tbx11k": 6, "clinic": 20}
    assert {one.split for one in loaded.samples} == {"train", "val", "tune", "test"}
    assert any("clinic: films without a split, divided by patient: 20" in n for n in loaded.notes)


def test_options_turn_a_value_into_the_label(findings: Path) -> None:
    loaded = load([f"{findings}?label=finding&positive=pneumonia"])
    assert Counter(one.label for one in loaded.samples) == {0: 10, 1: 10}


def test_a_folder_with_a_labels_file_is_a_table(findings: Path) -> None:
    assert load([str(findings.parent)]) == load([str(findings)])


def test_a_folder_of_simplified_tbx11k_is_known_by_its_table(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    film(tmp_path / "images" / "h1.png")
    (tmp_path / "data.csv").write_text(
        "fname,image_height,image_width,source,bbox,target,tb_type,image_type\n"
        "h1.png,16,16,val,none,no_tb,none,healthy\n"
    )
    assert [one.split for one in load([str(tmp_path)]).samples] == ["val"]


def test_a_folder_of_shenzhen_is_known_by_its_films(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    film(tmp_path / "CXR_png" / "CHNCXR_0001_0.png")
    assert [one.source for one in load([str(tmp_path)]).samples] == ["shenzhen"]


def test_a_split_file_divides_as_it_was_written(findings: Path, tmp_path: Path) -> None:
    seeded = load([str(findings)], seed=3)
    write_split(tmp_path / "split.json", seeded.samples, 3)
    again = load([str(findings)], tmp_path / "split.json")
    assert again.samples == seeded.samples
    assert load([str(findings)], seed=4).samples != seeded.samples


def test_a_training_copy_of_a_validation_film_is_dropped(tbx11k: Path) -> None:
    films = tbx11k / "imgs"
    shutil.copy(films / "health" / "h0002.png", films / "sick" / "s0001.png")
    loaded = load([str(tbx11k)])
    assert [one.name for one in loaded.dropped] == ["sick/s0001.png"]
    assert len(loaded.samples) == 5
    assert any("dropped from train: 1" in note for note in loaded.notes)


def test_a_copy_of_a_tuning_film_is_dropped_from_trainval(tbx11k: Path) -> None:
    films = tbx11k / "imgs"
    (tbx11k / "lists" / "TBX11K_tune.txt").write_text("tb/tb0003.png\n")
    shutil.copy(films / "tb" / "tb0002.png", films / "tb" / "tb0003.png")
    assert load([str(tbx11k)]).dropped == ()
    loaded = load([str(tbx11k)], trained="TBX11K_trainval")
    assert [one.name for one in loaded.dropped] == ["tb/tb0002.png"]


def test_copies_under_other_names_are_divided_into_one_split(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    rows = []
    for number in range(12):
        shutil.copy(film(tmp_path / f"{number}.png"), tmp_path / f"{number} (1).png")
        rows += [f"{number}.png,{number % 2}", f"{number} (1).png,{number % 2}"]
    (tmp_path / "labels.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    for seed in range(4):
        loaded = load([str(tmp_path)], seed=seed)
        assert loaded.dropped == ()
        split = {one.name: one.split for one in loaded.samples}
        assert all(split[f"{n}.png"] == split[f"{n} (1).png"] for n in range(12))
        assert len({one.patient for one in loaded.samples}) == 12


def test_splits_answer_to_their_official_names(tbx11k: Path) -> None:
    samples = load([f"{tbx11k}?lists=all"]).samples
    assert len(in_split(samples, "train")) == 8
    assert len(in_split(samples, "all_train")) == 8
    assert len(in_split(samples, "TBX11K_train")) == 4
    assert len(in_split(samples, "val")) == 2
    assert len(in_split(samples, "trainval")) == 10


def test_tuning_is_another_name_of_tune(tbx11k: Path) -> None:
    (tbx11k / "lists" / "tuning.txt").write_text("tb/tb0001.png\n")
    samples = load([str(tbx11k)]).samples
    assert in_split(samples, "tuning") == in_split(samples, "tune") == samples


def test_training_is_another_name_of_train(tbx11k: Path) -> None:
    (tbx11k / "lists" / "training.txt").write_text("tb/tb0001.png\n")
    samples = load([str(tbx11k)]).samples
    assert in_split(samples, "training") == in_split(samples, "train") == samples


def test_tuning_is_another_name_of_tune_in_a_split_file_too(findings: Path, tmp_path: Path) -> None:
    split = tmp_path / "split.json"
    samples = load([str(findings)]).samples
    names = ["tune" if one.label else ("tuning", "val")[n % 2] for n, one in enumerate(samples)]
    named = [replace(one, split=name) for one, name in zip(samples, names, strict=True)]
    write_split(split, named, 0)
    read = load([str(findings)], split).samples
    wanted = [one.name for one in named if one.split != "val"]
    assert [one.name for one in in_split(read, "tuning")] == wanted
    assert in_split(read, "tuning") == in_split(read, "tune")


def test_a_split_without_films_is_one_clear_sentence(tbx11k: Path) -> None:
    with pytest.raises(TbspotError, match="no film is in split 'tune'; there are: train, val"):
        in_split(load([str(tbx11k)]).samples, "tune")


def test_a_class_that_ends_empty_is_one_clear_sentence(tbx11k: Path) -> None:
    for name in ("tb0001", "tb0002", "tb1199"):
        (tbx11k / "imgs" / "tb" / f"{name}.png").unlink()
    with pytest.raises(TbspotError, match="none of the 3 listed films with TB exists"):
        load([str(tbx11k)])


def test_a_class_absent_from_one_source_may_come_from_another(tbx11k: Path, findings: Path) -> None:
    shutil.rmtree(tbx11k / "imgs" / "health")
    shutil.rmtree(tbx11k / "imgs" / "sick")
    loaded = load([str(tbx11k), str(findings)])
    assert any("left out: 3 (0 TB, 3 not TB)" in note for note in loaded.notes)


def test_a_source_named_twice_counts_once(tbx11k: Path) -> None:
    assert load([str(tbx11k), str(tbx11k)]).samples == load([str(tbx11k)]).samples


def test_two_films_of_one_name_are_one_clear_sentence(tbx11k: Path, tmp_path: Path) -> None:
    shutil.copytree(tbx11k, tmp_path / "other")
    with pytest.raises(TbspotError, match="two films of source tbx11k are called tb/tb0001"):
        load([str(tbx11k), str(tmp_path / "other")])


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("absent", "absent does not exist; check the path of the data"),
        ("absent?lists=all", "absent does not exist"),
        ("empty", "is no data set that tbspot knows"),
        ("empty?lists=all", "has no option 'lists'; there are: none"),
        ("TBX11K?lists=some", "lists is TBX11K or all, not 'some'"),
        ("TBX11K?label=finding", "has no option 'label'; there are: lists"),
        ("TBX11K?lists", "has options that are not name=value"),
        ("clinic/labels.csv?colour=grey", "has no option 'colour'"),
        ("TBX11K/annotations/json/TBX11K_train.json", "is JSON and no CSV file; list the films in"),
        ("clinic/labels.csv?label=sex", "has no column 'sex'"),
        ("clinic/labels.csv?patient=PatientID", "has no column 'PatientID'"),
        (
            "clinic/labels.csv?label=finding&positive=Pneumonia",
            "no row whose 'finding' is 'Pneumonia'",
        ),
        ("clinic/labels.csv?patient=", "gives the option 'patient' no value"),
        ("clinic/labels.csv?root=", "gives the option 'root' no value"),
    ],
)
@pytest.mark.usefixtures("tbx11k", "findings")
def test_a_wrong_source_is_one_clear_sentence(tmp_path: Path, source: str, fault: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TbspotError, match=fault):
        load([str(tmp_path / source)])


def test_a_table_without_rows_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\n")
    with pytest.raises(TbspotError, match="the data hold no film"):
        load([str(tmp_path / "labels.csv")])


def test_a_split_without_positives_or_of_one_class_is_one_clear_sentence(tbx11k: Path) -> None:
    samples = load([str(tbx11k)]).samples
    healthy = [one for one in samples if not one.label]
    sick = [one for one in samples if one.label]
    require_both_classes(samples, "split 'train'")
    require_positives(sick, "split 'train'")
    for wrong in (healthy, []):
        with pytest.raises(TbspotError, match="split 'train' has no film with TB"):
            require_positives(wrong, "split 'train'")
        with pytest.raises(TbspotError, match="split 'train' has no film with TB"):
            require_both_classes(wrong, "split 'train'")
    with pytest.raises(TbspotError, match="split 'train' has only films with TB"):
        require_both_classes(sick, "split 'train'")


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared")
def test_the_shared_films_load_with_their_known_counts() -> None:
    sources = ("tbx11k", "nih/labels.csv", "shenzhen128/labels.csv")
    samples = load([str(REAL / source) for source in sources]).samples
    assert Counter((one.source, one.label) for one in samples) == {
        ("tbx11k", 1): 600,
        ("nih", 0): 999,
        ("shenzhen", 0): 257,
        ("shenzhen", 1): 265,
        ("montgomery", 0): 59,
        ("montgomery", 1): 39,
    }
    tuning = [one for one in in_split(samples, "tuning") if one.source == "tbx11k"]
    assert (len(tuning), sum(len(one.boxes or ()) for one in tuning)) == (100, 145)
    assert all(one.boxes is None for one in in_split(samples, "TBX11K_train"))


@pytest.fixture
def listed_twice(tmp_path: Path, film: Callable[..., Path]) -> list[Path]:
    """Two films in two tables: one with splits, patients and a box, one with labels alone."""
    for name in ("a.png", "b.png"):
        film(tmp_path / "films" / name)
    boxes, labels = tmp_path / "films" / "boxes.csv", tmp_path / "films" / "labels.csv"
    boxes.write_text(
        'path,label,patient,split,boxes\na.png,1,p1,val,"[[1,2,5,6]]"\nb.png,0,p1,val,\n'
    )
    labels.write_text("path,label\na.png,1\nb.png,0\n")
    return [boxes, labels]


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("split", [None, "val"])
def test_of_a_film_that_is_listed_twice_all_is_kept_that_a_list_knows(
    listed_twice: list[Path], step: int, split: str | None
) -> None:
    if split:
        listed_twice[1].write_text("path,label,split\na.png,1,val\nb.png,0,val\n")
    first, second = load([str(path) for path in listed_twice[::step]]).samples
    assert (first.patient, first.split, len(first.boxes or ())) == ("p1", "val", 1)
    assert (first.size, second.patient, second.split) == ((16, 16), "p1", "val")


def test_boxes_and_patients_are_combined_from_two_lists(listed_twice: list[Path]) -> None:
    boxes, labels = listed_twice
    boxes.write_text('path,label,split,boxes\na.png,1,val,"[[1,2,5,6]]"\nb.png,0,val,\n')
    labels.write_text("path,label,patient\na.png,1,p1\nb.png,0,p1\n")
    for sources in (listed_twice, listed_twice[::-1]):
        first, second = load([str(path) for path in sources]).samples
        assert (first.patient, second.patient, len(first.boxes or ())) == ("p1", "p1", 1)


def test_two_patients_of_one_film_are_one_clear_sentence(listed_twice: list[Path]) -> None:
    listed_twice[1].write_text("path,label,patient\na.png,1,p2\nb.png,0,p1\n")
    with pytest.raises(TbspotError, match=r"a\.png is listed as of the patient 'p1' and of 'p2'"):
        load([str(path) for path in listed_twice])


def test_films_without_tb_that_have_boxes_are_counted(listed_twice: list[Path]) -> None:
    text = 'path,label,split,boxes\na.png,0,val,"[[1,2,5,6]]"\nb.png,0,val,[]\n'
    listed_twice[0].write_text(text)
    (note,) = load([str(listed_twice[0])]).notes
    assert "without TB that have boxes, which are not judged: 1 (first: a.png)" in note


def test_a_class_that_ends_empty_says_where_its_films_were_sought(listed_twice: list[Path]) -> None:
    listed_twice[1].write_text("path,label\nsub\\a.png,1\nb.png,0\n")
    with pytest.raises(TbspotError, match=r"with TB exists \(the first was .*write / between"):
        load([str(listed_twice[1])])
