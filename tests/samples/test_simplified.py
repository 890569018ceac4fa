from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tbspot.errors import TbspotError
from tbspot.samples.sample import TruthBox
from tbspot.samples.simplified import read_simplified

HEADER = "fname,image_height,image_width,source,bbox,target,tb_type,image_type\n"
BOX = "\"{'xmin': 2.0, 'ymin': 3.0, 'width': 4.5, 'height': 5.0}\""
OTHER = "\"{'xmin': 9.0, 'ymin': 3.0, 'width': 4.0, 'height': 5.0}\""


@pytest.fixture
def simplified(tmp_path: Path, film: object) -> Path:
    assert callable(film)
    for name in ("h0003.png", "s0001.png", "tb0005.png"):
        film(tmp_path / "images" / name)
    (tmp_path / "data.csv").write_text(
        HEADER
        + "h0003.png,16,16,train,none,no_tb,none,healthy\n"
        + "s0001.png,16,16,val,none,no_tb,none,sick_but_no_tb\n"
        + f"tb0005.png,16,16,train,{BOX},tb,active_tb,tb\n"
        + f"tb0005.png,16,16,train,{OTHER},tb,latent_tb,tb\n"
    )
    return tmp_path


def test_rows_of_one_film_become_one_film_with_its_boxes(simplified: Path) -> None:
    samples = read_simplified(simplified).samples
    assert [(one.name, one.label, one.split, one.source) for one in samples] == [
        ("h0003.png", 0, "train", "tbx11k"),
        ("s0001.png", 0, "val", "tbx11k"),
        ("tb0005.png", 1, "train", "tbx11k"),
    ]
    assert samples[0].boxes == ()
    assert samples[2].boxes == (
        TruthBox(2, 3, 6.5, 8, "active"),
        TruthBox(9, 3, 13, 8, "latent"),
    )


def test_films_that_are_named_by_a_uid_are_each_a_patient(simplified: Path) -> None:
    table = simplified / "data.csv"
    text = table.read_text()
    for name, uid in (("h0003.png", "1.2.840.1"), ("s0001.png", "1.2.840.2")):
        (simplified / "images" / name).rename(simplified / "images" / uid)
        text = text.replace(name, uid)
    table.write_text(text)
    patients = [one.patient for one in read_simplified(simplified).samples]
    assert patients == ["1.2.840.1", "1.2.840.2", "tb0005"]


def test_absent_films_are_counted_and_left_out(simplified: Path) -> None:
    (simplified / "images" / "tb0005.png").unlink()
    reading = read_simplified(simplified)
    assert (len(reading.samples), reading.absent[1]) == (2, 1)
    assert "left out: 1 (1 TB, 0 not TB)" in reading.notes[0]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("tb1.png,16,16,train,none,perhaps,none,tb", "line 2, is no row of 'TBX11K simplified'"),
        ("tb1.png,wide,16,train,none,tb,none,tb", "image_height"),
        ("tb1.png,16,16,train,__import__('os'),tb,none,tb", "bbox: Value error, not a box"),
        ("tb1.png,16,16,train,{'xmin': 1},tb,none,tb", "bbox.ymin"),
        ("tb1.png,16,16,train,{'xmin': True},tb,none,tb", "bbox.xmin: Input should be a valid num"),
        ("tb1.png,16,16,train,{'xmin': '1'},tb,none,tb", "bbox.xmin: Input should be a valid num"),
    ],
)
def test_a_row_of_another_kind_is_one_clear_sentence(tmp_path: Path, row: str, fault: str) -> None:
    (tmp_path / "data.csv").write_text(f"{HEADER}{row}\n")
    with pytest.raises(TbspotError, match=fault):
        read_simplified(tmp_path)


def test_a_box_outside_its_image_is_one_clear_sentence(simplified: Path) -> None:
    table = simplified / "data.csv"
    table.write_text(table.read_text().replace("'width': 4.5", "'width': 45"))
    with pytest.raises(TbspotError, match=r"line 4, has a box .* outside its image"):
        read_simplified(simplified)


def test_boxes_for_a_film_of_another_size_are_one_clear_sentence(
    simplified: Path, film: Callable[..., Path]
) -> None:
    film(simplified / "images" / "h0003.png", 8, 8)
    assert read_simplified(simplified).samples
    film(simplified / "images" / "tb0005.png", 8, 8)
    fault = "line 4, has boxes for a film of 16 x 16 pixels, and .* has 8 x 8"
    with pytest.raises(TbspotError, match=fault):
        read_simplified(simplified)


def test_a_table_without_its_columns_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("fname,target\n")
    with pytest.raises(TbspotError, match="has no column 'image_width' or"):
        read_simplified(tmp_path)
