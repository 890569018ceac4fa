from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.samples.sample import TruthBox
from tbspot.samples.shenzhen import is_shenzhen, read_shenzhen

REAL = Path(__file__).parents[3] / "shared" / "data" / "shenzhen_annotations"


def polygons(name: str, *shapes: tuple[list[float], list[float]]) -> str:
    regions = [
        {
            "shape_attributes": {"name": "polygon", "all_points_x": x, "all_points_y": y},
            "region_attributes": {"Cavity": "good"},
        }
        for x, y in shapes
    ]
    return json.dumps({f"{name}5553963": {"filename": name, "size": 5553963, "regions": regions}})


@pytest.fixture
def shenzhen(tmp_path: Path, film: Callable[..., Path]) -> Path:
    """Three films of 30 x 20 pixels, one with two polygons."""
    folder = tmp_path / "shenzhen"
    for name in ("CHNCXR_0001_0.png", "CHNCXR_0327_1.png", "CHNCXR_0400_1.png"):
        film(folder / "CXR_png" / name, 30, 20)
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "CHNCXR_0327_1.json").write_text(
        polygons("CHNCXR_0327_1.png", ([2, 8, 5], [3, 4, 9]), ([20, 29, 25], [10, 11, 19]))
    )
    return folder


def test_file_names_tell_the_label_and_polygons_become_boxes(shenzhen: Path) -> None:
    samples = read_shenzhen(shenzhen).samples
    assert [(one.name, one.label, one.source, one.split) for one in samples] == [
        ("CHNCXR_0001_0.png", 0, "shenzhen", ""),
        ("CHNCXR_0327_1.png", 1, "shenzhen", ""),
        ("CHNCXR_0400_1.png", 1, "shenzhen", ""),
    ]
    assert samples[0].boxes == ()
    assert samples[1].boxes == (TruthBox(2, 3, 8, 9), TruthBox(20, 10, 29, 19))
    assert samples[2].boxes is None


def test_a_file_of_all_films_beside_those_of_each_film_doubles_no_box(shenzhen: Path) -> None:
    one = shenzhen / "Annotations" / "CHNCXR_0327_1.json"
    (shenzhen / "Annotations" / "Annotations_AllinOne_json.json").write_text(one.read_text())
    samples = read_shenzhen(shenzhen).samples
    assert samples[1].boxes is not None
    assert len(samples[1].boxes) == 2


def test_what_macos_keeps_beside_the_files_is_no_annotation(shenzhen: Path) -> None:
    wanted = read_shenzhen(shenzhen).samples
    for name in ("Annotations/._CHNCXR_0327_1.json", "CXR_png/._CHNCXR_0001_0.png"):
        (shenzhen / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    assert read_shenzhen(shenzhen).samples == wanted


def test_montgomery_is_read_without_annotations(tmp_path: Path, film: Callable[..., Path]) -> None:
    film(tmp_path / "CXR_png" / "MCUCXR_0251_1.png")
    (one,) = read_shenzhen(tmp_path).samples
    assert (one.source, one.label, one.boxes) == ("montgomery", 1, None)


def test_annotated_films_that_are_absent_are_counted(shenzhen: Path) -> None:
    (shenzhen / "CXR_png" / "CHNCXR_0327_1.png").unlink()
    reading = read_shenzhen(shenzhen)
    assert len(reading.samples) == 2
    assert reading.notes[0].endswith("absent and left out: 1")


def test_annotations_without_films_are_one_clear_sentence(shenzhen: Path) -> None:
    for path in (shenzhen / "CXR_png").iterdir():
        path.unlink()
    assert is_shenzhen(shenzhen)
    with pytest.raises(TbspotError, match="holds annotations but no films"):
        read_shenzhen(shenzhen)


def test_other_folders_are_not_taken_for_shenzhen(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    film(tmp_path / "images" / "p7.png")
    assert not is_shenzhen(tmp_path)


def test_json_of_another_form_is_one_clear_sentence(shenzhen: Path) -> None:
    for content in ("[]", '{"a": {"filename": "a.png"}}', "{"):
        (shenzhen / "Annotations" / "CHNCXR_0327_1.json").write_text(content)
        with pytest.raises(TbspotError, match="is not a VGG Image Annotator file of polygons"):
            read_shenzhen(shenzhen)


def test_a_polygon_outside_its_film_is_one_clear_sentence(shenzhen: Path) -> None:
    (shenzhen / "Annotations" / "CHNCXR_0327_1.json").write_text(
        polygons("CHNCXR_0327_1.png", ([2, 8, 45], [3, 4, 9]))
    )
    with pytest.raises(TbspotError, match="outside its image of 30 x 20 pixels"):
        read_shenzhen(shenzhen)


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared")
def test_the_boxes_of_real_polygons_are_those_of_the_published_masks(tmp_path: Path) -> None:
    masks = sorted((REAL / "masks").glob("*.png"))
    (tmp_path / "Annotations").symlink_to(REAL / "Annotations")
    for stem in {"_".join(mask.stem.split("_")[:3]) for mask in masks}:
        (first, *_) = [mask for mask in masks if mask.stem.startswith(stem)]
        with Image.open(first) as mask:
            Image.new("L", mask.size).save(tmp_path / f"{stem}.png")
    read = {one.patient: one.boxes or () for one in read_shenzhen(tmp_path).samples}
    for path in masks:
        stem, number = "_".join(path.stem.split("_")[:3]), int(path.stem.rsplit("_")[-1])
        with Image.open(path) as mask:
            rows, columns = np.nonzero(np.asarray(mask))
        wanted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        box = read[stem][number - 1]
        assert np.abs(np.subtract((box.x0, box.y0, box.x1, box.y1), wanted)).max() <= 1
