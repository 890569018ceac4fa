from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tbspot.errors import TbspotError
from tbspot.images import read_pixels
from tbspot.samples.reading import film_file, film_size


def test_a_film_in_another_format_is_found_beside_where_it_is_listed(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    film(tmp_path / "1.2.840.png")
    found = film(tmp_path / "1.2.840.1.jpg")
    assert film_file(tmp_path / "1.2.840.1.dcm") == found
    assert film_file(tmp_path / "1.2.840.1") == found
    assert film_file(tmp_path / "1.2.840.2") is None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_the_size_of_a_film_is_told_for_each_format(
    tmp_path: Path, film: Callable[..., Path], suffix: str
) -> None:
    assert film_size(film(tmp_path / f"film{suffix}", 24, 18)) == (24, 18)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_of_a_turned_film_is_that_of_the_film_as_it_is_read(
    tmp_path: Path, orientation: int
) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("L", (24, 18)).save(path, exif=exif)
    assert film_size(path) == read_pixels(path).shape[::-1]


@pytest.mark.parametrize(
    ("kind", "values"),
    [(3, (0,)), (3, (9,)), (3, (6, 6)), (2, b"6\0"), (7, b"6"), (99, (6,))],
    ids=["0", "9", "two", "text", "bytes", "no kind"],
)
def test_an_orientation_that_is_none_turns_no_film(
    tmp_path: Path, kind: int, values: bytes | tuple[int, ...]
) -> None:
    path = tmp_path / "odd.jpg"
    content = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}H", *values)
    entry = struct.pack("<HHI", ExifTags.Base.Orientation, kind, len(values))
    header = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1)
    Image.new("L", (24, 18)).save(path, exif=header + entry + content.ljust(4, b"\0") + bytes(4))
    assert film_size(path) == read_pixels(path).shape[::-1]


def test_the_size_of_a_file_that_is_no_film_is_one_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_text("no film")
    with pytest.raises(TbspotError, match=r"film\.png"):
        film_size(path)
