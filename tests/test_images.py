from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.images import SUFFIXES, Frame, read_pixels, resize

ORIENTATION = 0x0112


def _ramp(height: int = 6, width: int = 9, most: int = 255) -> NDArray[np.int64]:
    """Different values everywhere, from 0 to `most`."""
    return np.linspace(0, most, height * width).round().astype(np.int64).reshape(height, width)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_an_8_bit_film_is_its_values_divided_by_255(tmp_path: Path, suffix: str) -> None:
    values = _ramp().astype(np.uint8)
    Image.fromarray(values).save(tmp_path / f"a{suffix}")
    film = read_pixels(tmp_path / f"a{suffix}")
    assert film.dtype == np.float32
    np.testing.assert_array_equal(film, values.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_16_bit_film_is_its_values_divided_by_65535(tmp_path: Path, suffix: str) -> None:
    values = _ramp(most=65535).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / f"a{suffix}")
    film = read_pixels(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(film, values / 65535, atol=1e-7)


def test_a_jpeg_is_read_near_the_values_it_was_made_from(tmp_path: Path) -> None:
    values = _ramp(64, 64).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_pixels(tmp_path / "a.jpg") - values / 255).max() < 0.03


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1"])
def test_every_mode_becomes_one_grey_channel(tmp_path: Path, mode: str) -> None:
    values = np.where(_ramp() > 127, 255, 0).astype(np.uint8)
    Image.fromarray(values).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.png"), values / 255)


def test_colour_becomes_luma(tmp_path: Path) -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    Image.fromarray(colours).save(tmp_path / "a.png")
    np.testing.assert_allclose(
        read_pixels(tmp_path / "a.png")[0], [0.299, 0.587, 0.114], atol=0.003
    )


def test_transparency_is_ignored(tmp_path: Path) -> None:
    pixels = np.stack([_ramp(), np.zeros((6, 9))], 2).astype(np.uint8)
    Image.fromarray(pixels, "LA").save(tmp_path / "a.png")
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png"), _ramp() / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)], ids=["up", "180", "90", "270"]
)
def test_a_turned_photograph_is_read_upright(tmp_path: Path, orientation: int, turns: int) -> None:
    values = _ramp().astype(np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_allclose(read_pixels(tmp_path / "a.png"), np.rot90(values, turns) / 255)


def test_the_content_tells_the_format_and_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(_ramp().astype(np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_allclose(read_pixels(tmp_path / "a.jpg"), _ramp() / 255)


def test_a_drawn_film_is_grey_and_square(film_path: Path) -> None:
    film = read_pixels(film_path)
    assert film.shape == (128, 128)
    assert film.min() == 0
    assert 0.7 < film.max() <= 1


def test_an_absent_film_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"absent\.png does not exist; check the path"):
        read_pixels(tmp_path / "absent.png")


def test_a_zero_byte_film_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    _is_refused(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_a_film_cut_off_anywhere_is_one_clear_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for share in (0.02, 0.3, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        _is_refused(path)


def test_a_text_file_and_a_folder_named_png_are_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image", "utf-8")
    (tmp_path / "folder.png").mkdir()
    _is_refused(tmp_path / "text.png")
    _is_refused(tmp_path / "folder.png")


def test_a_format_that_films_do_not_come_in_is_refused(tmp_path: Path) -> None:
    Image.fromarray(_ramp().astype(np.uint8)).save(tmp_path / "a.gif")
    _is_refused(tmp_path / "a.gif")


def test_a_film_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (8001, 8000)).save(tmp_path / "a.png")
    with pytest.raises(TbspotError, match=r"8001 x 8000 pixels.*64,000,000"):
        read_pixels(tmp_path / "a.png")


def _is_refused(path: Path) -> None:
    with pytest.raises(TbspotError, match=re.escape(str(path))) as refusal:
        read_pixels(path)
    assert "\n" not in str(refusal.value)


def test_the_suffixes_to_look_for_are_those_of_films() -> None:
    assert {".png", ".jpg", ".jpeg", ".tif", ".tiff"} <= set(SUFFIXES)


def test_resize_to_the_same_size_changes_nothing() -> None:
    film = _ramp().astype(np.float32)
    np.testing.assert_array_equal(resize(film, 6, 9), film)


def test_resize_keeps_a_linear_ramp_linear_with_pixel_centres_aligned() -> None:
    narrow = ((np.arange(8, dtype=np.float32) + 0.5) / 8)[None].repeat(8, 0)
    wide = resize(narrow, 8, 32)
    expected = (np.arange(32) + 0.5) / 32
    np.testing.assert_allclose(wide[:, 4:-4], expected[None, 4:-4].repeat(8, 0), atol=1e-6)


def test_resize_averages_where_it_reduces() -> None:
    board = np.indices((64, 64)).sum(0) % 2
    reduced = resize(board.astype(np.float32), 8, 8)
    np.testing.assert_allclose(reduced, 0.5, atol=0.02)


@pytest.mark.parametrize(("height", "width"), [(3, 5), (7, 2), (40, 30)])
def test_resize_gives_the_height_and_width_asked_for_and_keeps_the_range(
    height: int, width: int
) -> None:
    film = resize((_ramp() / 255).astype(np.float32), height, width)
    assert film.shape == (height, width)
    assert film.dtype == np.float32
    assert film.min() >= 0
    assert film.max() <= 1


sides = st.integers(1, 5000)


@given(height=sides, width=sides, size=st.integers(32, 1024))
def test_the_corners_of_a_film_are_the_corners_of_its_frame(
    height: int, width: int, size: int
) -> None:
    frame = Frame(height, width, size)
    whole_film = np.array([[0.0, 0.0, width, height]])
    whole_frame = np.array([[0.0, 0.0, size, size]])
    np.testing.assert_allclose(frame.to_frame(whole_film), whole_frame)
    np.testing.assert_allclose(frame.to_film(whole_frame), whole_film)


@given(
    height=sides,
    width=sides,
    size=st.integers(32, 1024),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_boxes_to_the_frame_and_back_are_the_same_boxes(
    height: int, width: int, size: int, corners: tuple[float, ...]
) -> None:
    frame = Frame(height, width, size)
    boxes = np.array([corners]) * [width, height, width, height]
    np.testing.assert_allclose(frame.to_film(frame.to_frame(boxes)), boxes, atol=1e-9)


def test_a_box_around_a_bright_square_is_around_it_in_the_frame_too() -> None:
    film = np.zeros((200, 100), np.float32)
    film[40:80, 10:50] = 1
    frame = Frame(200, 100, 100)
    x0, y0, x1, y1 = frame.to_frame(np.array([[10.0, 40.0, 50.0, 80.0]]))[0].astype(int)
    rows, columns = np.nonzero(frame.apply(film) > 0.5)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0, y0, x1, y1)


def test_a_film_seen_through_a_smaller_square_loses_its_fine_detail_and_keeps_its_place() -> None:
    film = (np.indices((128, 128)).sum(0) % 2).astype(np.float32)
    sharp = Frame(128, 128, 128).apply(film)
    soft = Frame(128, 128, 128, through=32).apply(film)
    assert sharp.std() == pytest.approx(0.5)
    assert soft.std() < 0.05
    assert soft.shape == (128, 128)


def test_a_film_smaller_than_the_square_it_is_seen_through_is_not_enlarged_twice() -> None:
    film = np.random.default_rng(0).random((64, 64), np.float32)
    np.testing.assert_array_equal(
        Frame(64, 64, 64, through=96).apply(film), Frame(64, 64, 64).apply(film)
    )


def test_a_film_of_another_size_does_not_fit_the_frame() -> None:
    with pytest.raises(ValueError, match="200 x 100"):
        Frame(200, 100, 64).apply(np.zeros((100, 200), np.float32))


@pytest.mark.parametrize("side", [400, 401, 403])
def test_a_reduced_film_lies_in_the_frame_as_the_whole_one(side: int) -> None:
    ramp = np.tile(np.linspace(0, 1, side, dtype=np.float32), (side, 1))
    cells = [ramp[::4, first : first + 4].mean(1) for first in range(0, side, 4)]
    reduced = np.stack(cells, 1).astype(np.float32)
    frame = Frame(side, side, 32)
    np.testing.assert_allclose(frame.apply(reduced), frame.apply(ramp), atol=2e-3)
