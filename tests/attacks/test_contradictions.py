"""Tables and lists that contradict themselves or name no film: refused, nothing wins silently."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.samples.loading import load

pytestmark = pytest.mark.attack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Films f001.png, f002.png and sub/f003.png of 16 x 16 pixels."""
    for grey, name in enumerate(("f001.png", "f002.png", "sub/f003.png")):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16), grey, np.uint8)).save(path)
    return tmp_path / "set"


def _load(folder: Path, table: str, options: str = "") -> None:
    (folder / "table.csv").write_text(table)
    load([f"{folder / 'table.csv'}{options}"])


@pytest.mark.parametrize("again", ["f001.png", "./f001.png", "sub/../f001.png", ".//f001.png"])
def test_a_film_that_a_table_lists_twice_is_refused_however_it_is_written(
    folder: Path, again: str
) -> None:
    with pytest.raises(TbspotError, match=r"line 3, lists .* a second time; keep one row a film"):
        _load(folder, f"path,label\nf001.png,1\n{again},0\n")


@pytest.mark.parametrize(
    "header", ["path,label,label", "path,path,label", "path,label,split,split"]
)
def test_two_columns_of_one_name_are_refused(folder: Path, header: str) -> None:
    row = ",".join(["f001.png"] + ["1"] * header.count(","))
    with pytest.raises(TbspotError, match=r"has two columns '\w+'; keep or rename one"):
        _load(folder, f"{header}\n{row}\n")


def test_a_row_with_more_cells_than_columns_is_refused(folder: Path) -> None:
    with pytest.raises(TbspotError, match=r"line 2, has more cells than columns; quote"):
        _load(folder, "path,label\nf001.png,1,0\n")


def test_an_option_that_is_given_twice_is_refused(folder: Path) -> None:
    with pytest.raises(TbspotError, match=r"gives the option 'label' twice; keep one"):
        _load(folder, "path,a,b\nf001.png,1,0\n", "?label=a&label=b")


@pytest.mark.parametrize("name", [".", "x/..", "sub/..", "./", "f001.png/.."])
def test_a_name_that_leads_to_the_folder_of_films_itself_is_refused(
    folder: Path, name: str
) -> None:
    with pytest.raises(TbspotError, match=r"names '.*', which is the folder .* itself"):
        _load(folder, f"path,label\n{name},1\nf002.png,0\n")


def test_two_sources_that_label_one_film_otherwise_are_refused(folder: Path) -> None:
    (folder / "one.csv").write_text("path,label\nf001.png,1\nf002.png,0\n")
    (folder / "two.csv").write_text("path,label\n./f001.png,0\n")
    sources = [str(folder / "one.csv"), str(folder / "two.csv")]
    with pytest.raises(TbspotError, match=r"f001\.png is listed as TB and as not TB; correct one"):
        load(sources)


def test_two_sources_with_other_boxes_of_one_film_are_refused(folder: Path) -> None:
    for name, box in (("one", 5), ("two", 6)):
        (folder / f"{name}.csv").write_text(
            f'path,label,boxes\nf001.png,1,"[[1, 1, {box}, 5]]"\nf002.png,0,\n'
        )
    with pytest.raises(TbspotError, match=r"f001\.png is listed again with other boxes"):
        load([str(folder / "one.csv"), str(folder / "two.csv")])


def test_two_sources_that_agree_are_one(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / f"{name}.csv").write_text("path,label\nf001.png,1\nf002.png,0\n")
    assert len(load([str(folder / "one.csv"), str(folder / "two.csv")]).samples) == 2


@pytest.fixture
def tbx11k(folder: Path) -> Path:
    """Films and a list of TBX11K's layout."""
    for grey, name in enumerate(("tb/a.png", "health/b.png")):
        path = folder / "imgs" / name
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((16, 16), grey, np.uint8)).save(path)
    (folder / "lists").mkdir()
    (folder / "lists" / "train.txt").write_text("tb/a.png\nhealth/b.png\n")
    return folder


@pytest.mark.parametrize("line", [".", "./", "tb/..", "..", "/", "tb/../..", "\0", "tb/\0.png"])
def test_a_line_of_a_list_that_names_no_film_is_one_sentence(tbx11k: Path, line: str) -> None:
    (tbx11k / "lists" / "train.txt").write_text(f"tb/a.png\n{line}\nhealth/b.png\n")
    with pytest.raises(TbspotError, match=r"train\.txt names "):
        load([str(tbx11k)])


def _image(number: int, name: str) -> dict[str, object]:
    return {"id": number, "file_name": name, "width": 16, "height": 16}


def _coco(folder: Path, **changes: object) -> None:
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}]
    coco = {
        "categories": [{"id": 1, "name": "ActiveTuberculosis"}],
        "images": [_image(1, "tb/a.png")],
        "annotations": boxes,
    } | changes
    (folder / "train.json").write_text(json.dumps(coco))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"images": [_image(1, "tb/a.png"), _image(1, "health/b.png")]}, "image 1"),
        ({"images": [_image(1, "tb/a.png"), _image(2, "tb/a.png")]}, "the film tb/a.png"),
        ({"categories": [{"id": 1, "name": "x"}, {"id": 1, "name": "y"}]}, "category 1"),
    ],
)
def test_annotations_that_define_a_thing_twice_are_refused(
    tbx11k: Path, changes: dict[str, object], what: str
) -> None:
    _coco(tbx11k, **changes)
    with pytest.raises(TbspotError, match=rf"train\.json defines {what} twice; keep one"):
        load([str(tbx11k)])


def test_rows_of_tbx11k_simplified_that_contradict_each_other_are_refused(folder: Path) -> None:
    (folder / "images").mkdir()
    (folder / "f001.png").rename(folder / "images" / "f001.png")
    rows = [
        "fname,image_width,image_height,source,bbox,target,tb_type",
        "f001.png,16,16,train,none,no_tb,none",
        "./f001.png,16,16,train,none,tb,none",
    ]
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(TbspotError, match=r"line 3, contradicts line 2 .*f001\.png"):
        load([str(folder)])


def test_polygons_of_one_film_in_two_files_are_refused(folder: Path) -> None:
    (folder / "f001.png").rename(folder / "CHNCXR_0001_1.png")
    (folder / "f002.png").rename(folder / "CHNCXR_0002_0.png")
    (folder / "Annotations").mkdir()
    for number in (1, 2):
        shape = {"all_points_x": [1, 4 + number], "all_points_y": [1, 5]}
        film = {"filename": "CHNCXR_0001_1.png", "regions": [{"shape_attributes": shape}]}
        path = folder / "Annotations" / f"CHNCXR_000{number}_1.json"
        path.write_text(json.dumps({"film": film}))
    with pytest.raises(TbspotError, match=r"the polygons of CHNCXR_0001_1 once again; keep one"):
        load([str(folder)])
