from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tbspot.errors import TbspotError
from tbspot.samples.sample import TruthBox
from tbspot.samples.sources import read_source
from tbspot.samples.tbx11k import read_tbx11k


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_official_lists_give_splits_labels_and_names(tbx11k: Path) -> None:
    samples = read_tbx11k(tbx11k).samples
    assert {(one.name, one.label, one.split) for one in samples} == {
        ("tb/tb0001.png", 1, "train"),
        ("tb/tb1199.png", 1, "train"),
        ("health/h0001.png", 0, "train"),
        ("sick/s0001.png", 0, "train"),
        ("tb/tb0002.png", 1, "val"),
        ("health/h0002.png", 0, "val"),
    }
    assert {one.source for one in samples} == {"tbx11k"}
    assert all(one.path.is_absolute() and one.path.is_file() for one in samples)


def test_each_box_keeps_its_kind_of_lesion_and_becomes_corners(tbx11k: Path) -> None:
    boxes = {one.name: one.boxes for one in read_tbx11k(tbx11k).samples}
    assert boxes["tb/tb0001.png"] == (
        TruthBox(2, 3, 6, 8, "active"),
        TruthBox(10, 3, 14, 8, "latent"),
    )
    assert boxes["tb/tb0002.png"] == (TruthBox(0, 0, 16, 16, "uncertain"),)


def test_tb1199_is_tb_without_a_box_and_the_notes_say_so(tbx11k: Path) -> None:
    reading = read_tbx11k(tbx11k)
    (film,) = [one for one in reading.samples if one.name == "tb/tb1199.png"]
    assert (film.label, film.boxes) == (1, ())
    assert any("tb/tb1199.png" in note for note in reading.notes)


def test_the_all_lists_add_films_labelled_by_their_names(tbx11k: Path) -> None:
    reading = read_tbx11k(tbx11k, "all")
    extras = {(one.path.stem, one.source, one.label, one.split) for one in reading.samples[4:8]}
    assert extras == {
        ("px7", "da", 1, "train"),
        ("n11", "db", 0, "train"),
        ("CHNCXR_0004_0", "shenzhen", 0, "train"),
        ("MCUCXR_0375_1", "montgomery", 1, "train"),
    }
    assert len(reading.samples) == 10
    assert any("without a public label, left out: 1" in note for note in reading.notes)


@pytest.mark.parametrize("lists", ["", "all"])
def test_what_macos_keeps_beside_a_list_is_no_list(tbx11k: Path, lists: str) -> None:
    wanted = read_tbx11k(tbx11k, *filter(None, [lists])).samples
    for name in ("._TBX11K_train.txt", "._own.txt"):
        (tbx11k / "lists" / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    assert read_tbx11k(tbx11k, *filter(None, [lists])).samples == wanted


def test_nobody_looked_for_boxes_on_extra_films_with_tb(tbx11k: Path) -> None:
    boxes = {one.path.stem: one.boxes for one in read_tbx11k(tbx11k, "all").samples}
    assert boxes["px7"] is None
    assert boxes["n11"] == ()


def test_absent_films_are_counted_by_class_and_left_out(tbx11k: Path) -> None:
    (tbx11k / "imgs" / "sick" / "s0001.png").unlink()
    (tbx11k / "imgs" / "tb" / "tb0002.png").unlink()
    reading = read_tbx11k(tbx11k)
    assert (len(reading.samples), reading.absent[0], reading.absent[1]) == (4, 1, 1)
    sought = tbx11k / "imgs" / "sick" / "s0001.png"
    assert reading.first_absent == sought
    assert reading.notes[0].endswith(
        f"left out: 2 (1 TB, 1 not TB); the first was sought at {sought}"
    )


def test_a_film_in_another_format_than_listed_is_found(tbx11k: Path) -> None:
    film = tbx11k / "imgs" / "tb" / "tb0001.png"
    film.rename(film.with_suffix(".jpg"))
    (found,) = [one for one in read_tbx11k(tbx11k).samples if one.patient == "tb0001"]
    assert found.name == "tb/tb0001.jpg"
    assert found.boxes is not None
    assert len(found.boxes) == 2


def test_films_that_are_named_by_a_uid_are_each_a_patient(
    tbx11k: Path, film: Callable[..., Path]
) -> None:
    names = ("tb/1.2.840.1", "health/1.2.840.2")
    for name in names:
        film(tbx11k / "drawn.png").rename(tbx11k / "imgs" / name)
    (tbx11k / "lists" / "own.txt").write_text("\n".join(names))
    assert [one.patient for one in read_tbx11k(tbx11k).samples] == ["1.2.840.1", "1.2.840.2"]


def test_lists_of_ones_own_come_before_the_official_ones(tbx11k: Path) -> None:
    (tbx11k / "imgs").rename(tbx11k / "films")
    (tbx11k / "lists" / "tuning.txt").write_text("tb/tb0001.png\nhealth/h0001.png\n")
    annotation = tbx11k / "annotations" / "json" / "TBX11K_train.json"
    (tbx11k / "tuning.json").write_text(annotation.read_text())
    own = read_tbx11k(tbx11k).samples
    assert [(one.name, one.split) for one in own] == [
        ("tb/tb0001.png", "tuning"),
        ("health/h0001.png", "tuning"),
    ]
    assert own[0].boxes is not None
    assert len(own[0].boxes) == 2
    assert len(read_tbx11k(tbx11k, "TBX11K").samples) == 6


def test_without_an_annotation_file_nobody_looked_for_boxes(tbx11k: Path) -> None:
    (tbx11k / "annotations" / "json" / "TBX11K_train.json").unlink()
    boxes = {one.name: one.boxes for one in read_tbx11k(tbx11k).samples}
    assert boxes["tb/tb0001.png"] is None
    assert boxes["tb/tb0002.png"] is not None


def test_json_that_is_not_coco_is_one_clear_sentence(tbx11k: Path) -> None:
    annotation = tbx11k / "annotations" / "json" / "TBX11K_train.json"
    for content in ("[1, 2]", "not json", '{"images": []}', ""):
        annotation.write_text(content)
        with pytest.raises(TbspotError, match=r"TBX11K_train\.json is not a COCO annotation file"):
            read_tbx11k(tbx11k)


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ([2.0, 3.0, 0.0, 5.0], "zero size"),
        ([2.0, 3.0, 4.0, -1.0], "zero size"),
        ([12.0, 3.0, 8.0, 5.0], "outside its image of 16 x 16 pixels"),
        ([-4.0, 3.0, 8.0, 5.0], "outside its image of 16 x 16 pixels"),
    ],
)
def test_a_box_of_zero_size_or_outside_its_image_is_one_clear_sentence(
    tbx11k: Path, box: list[float], fault: str
) -> None:
    annotation = tbx11k / "annotations" / "json" / "TBX11K_train.json"
    rewrite(annotation, lambda content: content["annotations"][0].update(bbox=box))
    with pytest.raises(TbspotError, match=rf"TBX11K_train\.json: tb/tb0001\.png .*{fault}"):
        read_tbx11k(tbx11k)


def test_a_box_that_rounds_to_a_little_outside_is_clipped(tbx11k: Path) -> None:
    annotation = tbx11k / "annotations" / "json" / "TBX11K_train.json"
    rewrite(
        annotation,
        lambda content: content["annotations"][0].update(bbox=[-0.3, 2.0, 16.6, 3.0]),
    )
    (film,) = [one for one in read_tbx11k(tbx11k).samples if one.patient == "tb0001"]
    assert film.boxes is not None
    assert film.boxes[0] == TruthBox(0, 2, 16, 5, "active")


@pytest.mark.parametrize("size", [(8, 8), (16, 32), (32, 16)])
def test_boxes_for_a_film_of_another_size_are_one_clear_sentence(
    tbx11k: Path, film: Callable[..., Path], size: tuple[int, int]
) -> None:
    film(tbx11k / "imgs" / "tb" / "tb0001.png", *size)
    fault = (
        r"TBX11K_train\.json: tb/tb0001\.png has boxes for a film of 16 x 16 pixels, and "
        rf"\S*tb0001\.png has {size[0]} x {size[1]};"
    )
    with pytest.raises(TbspotError, match=fault):
        read_tbx11k(tbx11k)


def rename_images(tbx11k: Path, change: Callable[[str], str]) -> None:
    def renamed(content: dict[str, Any]) -> None:
        for image in content["images"]:
            image["file_name"] = change(image["file_name"])

    rewrite(tbx11k / "annotations" / "json" / "TBX11K_train.json", renamed)


def test_boxes_of_films_that_are_named_otherwise_than_in_the_lists_are_refused(
    tbx11k: Path,
) -> None:
    rename_images(tbx11k, lambda name: Path(name).name)
    fault = r"TBX11K_train\.json: tb0001\.png has boxes, and no list names .* 'tb/tb0001\.png'"
    with pytest.raises(TbspotError, match=fault):
        read_tbx11k(tbx11k)


def test_some_boxes_of_films_that_no_list_names_are_told_of(tbx11k: Path) -> None:
    rewrite(
        tbx11k / "annotations" / "json" / "TBX11K_train.json",
        lambda content: content["annotations"][1].update(image_id=2),
    )
    assert len(read_tbx11k(tbx11k).notes) == 0
    rename_images(tbx11k, lambda name: name.replace("tb/tb1199", "tb1199"))
    (note,) = [one for one in read_tbx11k(tbx11k).notes if "no list names" in one]
    assert note == "tbx11k: films with boxes that no list names, left out: 1 (tb1199.png)"


def test_boxes_of_films_that_another_list_names_are_no_fault(tbx11k: Path) -> None:
    (tbx11k / "lists" / "tuning.txt").write_text("health/h0001.png\n")
    annotation = tbx11k / "annotations" / "json" / "TBX11K_train.json"
    (tbx11k / "tuning.json").write_text(annotation.read_text())
    assert read_tbx11k(tbx11k).notes == ()


def test_the_size_of_a_film_that_cannot_be_read_or_has_no_box_is_not_asked_for(
    tbx11k: Path, film: Callable[..., Path]
) -> None:
    before = read_tbx11k(tbx11k).samples
    film(tbx11k / "imgs" / "tb" / "tb1199.png", 8, 8)
    (tbx11k / "imgs" / "tb" / "tb0001.png").write_bytes(b"")
    assert read_tbx11k(tbx11k).samples == before


def test_a_box_of_an_undefined_image_is_one_clear_sentence(tbx11k: Path) -> None:
    annotation = tbx11k / "annotations" / "json" / "TBX11K_train.json"
    rewrite(annotation, lambda content: content["annotations"][0].update(image_id=99))
    with pytest.raises(TbspotError, match="image 99"):
        read_tbx11k(tbx11k)


def test_a_list_cannot_lead_out_of_the_folder_of_films(tbx11k: Path) -> None:
    (tbx11k / "lists" / "TBX11K_train.txt").write_text("tb/../../../secret.png\n")
    with pytest.raises(TbspotError, match="leads out of"):
        read_tbx11k(tbx11k)


def test_a_listed_name_that_tells_no_label_is_one_clear_sentence(tbx11k: Path) -> None:
    for name in ("lungs/tb0001.png", "extra/other/film.png"):
        (tbx11k / "lists" / "TBX11K_train.txt").write_text(f"{name}\n")
        with pytest.raises(TbspotError, match="whose label its folder and name do not tell"):
            read_tbx11k(tbx11k)


def test_a_list_that_is_not_text_is_one_clear_sentence(tbx11k: Path) -> None:
    (tbx11k / "lists" / "TBX11K_train.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TbspotError, match="cannot be read as a list of films"):
        read_tbx11k(tbx11k)


def test_a_folder_without_official_lists_is_one_clear_sentence(tbx11k: Path) -> None:
    for path in (tbx11k / "lists").iterdir():
        path.unlink()
    with pytest.raises(TbspotError, match=r"holds no list TBX11K_\*\.txt"):
        read_tbx11k(tbx11k)


def test_a_folder_without_films_is_one_clear_sentence(tbx11k: Path) -> None:
    (tbx11k / "imgs").rename(tbx11k / "pictures")
    with pytest.raises(TbspotError, match="has no folder of films"):
        read_tbx11k(tbx11k)


def test_a_path_with_a_step_back_up_is_the_folder_that_it_leads_to(tbx11k: Path) -> None:
    detour = tbx11k / "lists" / ".." / ".." / tbx11k.name
    assert read_source(str(detour)).samples == read_source(str(tbx11k)).samples


def test_boxes_of_other_categories_are_noted_alone_and_refused_beside_tb(tbx11k: Path) -> None:
    path = tbx11k / "annotations" / "json" / "TBX11K_train.json"
    content = json.loads(path.read_text("utf-8"))
    content["categories"][0]["name"] = "Lung"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(TbspotError, match=r"of TB and \d+ of other .* \('Lung'\); remove"):
        read_tbx11k(tbx11k)
    for category in content["categories"]:
        category["name"] = f"lesion {category['id']}"
    path.write_text(json.dumps(content), "utf-8")
    (note,) = [one for one in read_tbx11k(tbx11k).notes if "categories" in one]
    assert "all taken for TB of an uncertain kind" in note
    assert "'lesion 1'" in note
