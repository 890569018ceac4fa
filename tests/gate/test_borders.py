"""A film inside a plain border is judged inside it, and its boxes are in the file's pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tbspot.description import Description
from tbspot.drawings import draw_film
from tbspot.engine.engine import Engine
from tbspot.gate.borders import crop, inner_areas, spread
from tbspot.gate.verdict import examine
from tbspot.hospital.segmentation import region_masks
from tbspot.images import Facts, Film, resize
from tbspot.locating.predict import predict
from tbspot.maps.cutting import Cut
from tbspot.records.predictions import LONGEST_SIDE

SIDE = 256


@pytest.fixture(scope="module")
def chest() -> NDArray[np.float32]:
    return draw_film("tb", SIDE, (3,)).pixels.astype(np.float32) / np.float32(255)


def _framed(
    chest: NDArray[np.float32], sides: tuple[int, int, int, int], level: float
) -> NDArray[np.float32]:
    """The film with a border of so many pixels on the left, above, on the right and below."""
    left, above, right, below = sides
    return np.pad(chest, ((above, below), (left, right)), constant_values=np.float32(level))


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(
    "sides", [(90, 90, 90, 90), (130, 0, 130, 0), (0, 200, 0, 200), (10, 150, 200, 5)]
)
def test_a_whole_film_inside_a_plain_border_is_judged_inside_it(
    chest: NDArray[np.float32], sides: tuple[int, int, int, int], level: float
) -> None:
    framed = _framed(chest, sides, level)
    verdict = examine(Film(framed, Facts("PNG")))
    assert verdict.status != "refused"
    if verdict.area is None:
        assert verdict.status == "ok"  # seen well enough with its border
        return
    assert verdict.code == "border"
    assert "border" in str(verdict.reason)
    np.testing.assert_array_equal(crop(framed, verdict.area), chest)
    assert verdict.film.pixels.shape == framed.shape


@pytest.mark.parametrize("negative", [False, True])
def test_a_film_inside_a_border_that_has_too_few_pixels_is_said_to_be_small(
    chest: NDArray[np.float32], negative: bool
) -> None:
    small = resize(1 - chest if negative else chest, 150, 150)
    verdict = examine(Film(_framed(small, (150, 40, 150, 40), 0), Facts("PNG")))
    assert (verdict.status, verdict.codes) == ("refused", ("small", "border"))
    assert "150 x 150 pixels are too few" in str(verdict.reason)


def test_what_is_no_film_inside_a_border_is_not_said_to_be_small() -> None:
    noise = np.random.default_rng(1).random((150, 150), np.float32)
    verdict = examine(Film(_framed(noise, (150, 40, 150, 40), 0), Facts("PNG")))
    assert verdict.code not in ("small", None)


def test_a_white_border_of_a_third_is_left_out(chest: NDArray[np.float32]) -> None:
    verdict = examine(Film(_framed(chest, (90, 80, 70, 60), 1), Facts("PNG")))
    assert verdict.area == (90, 80, 90 + SIDE, 80 + SIDE)


@pytest.mark.parametrize("level", [0.0, 0.5])
@pytest.mark.parametrize(("side", "left_out"), [(20, False), (64, True)])
def test_a_photograph_of_3_to_2_is_judged_inside_though_its_whole_passes(
    chest: NDArray[np.float32],
    monkeypatch: pytest.MonkeyPatch,
    level: float,
    side: int,
    left_out: bool,
) -> None:
    monkeypatch.setattr(
        "tbspot.gate.verdict.look", lambda film: {"chest": 0.9 if film.shape[1] > 128 else 0.1}
    )
    verdict = examine(Film(_framed(chest, (side, 0, side, 0), level), Facts("PNG")))
    assert verdict.area == ((side, 0, side + SIDE, SIDE) if left_out else None)
    assert verdict.codes == (("border",) if left_out else ())


def test_a_border_inside_a_border_is_left_out_too(chest: NDArray[np.float32]) -> None:
    framed = _framed(_framed(chest, (90, 80, 90, 80), 1), (50, 150, 50, 150), 0)
    verdict = examine(Film(framed, Facts("PNG")))
    assert verdict.area == (140, 230, 140 + SIDE, 230 + SIDE)


def test_a_border_that_jpeg_blurred_is_left_out(chest: NDArray[np.float32]) -> None:
    stream = io.BytesIO()
    grey = (_framed(chest, (150, 10, 150, 10), 1) * 255).astype(np.uint8)
    Image.fromarray(grey).save(stream, "JPEG", quality=75)
    verdict = examine(Film(np.asarray(Image.open(stream), np.float32) / 255, Facts("JPEG")))
    assert verdict.area is not None
    np.testing.assert_allclose(verdict.area, (150, 10, 150 + SIDE, 10 + SIDE), atol=8)


def test_an_inverted_film_inside_a_border_is_set_right_with_it(
    chest: NDArray[np.float32],
) -> None:
    framed = _framed(1 - chest, (140, 140, 140, 140), 0.98)
    verdict = examine(Film(framed, Facts("PNG")))
    assert verdict.code == "inverted"
    np.testing.assert_allclose(crop(verdict.film.pixels, verdict.area), chest, atol=1e-6)


@pytest.mark.parametrize("cut", [slice(0, SIDE // 2), slice(SIDE // 2, SIDE)])
def test_half_a_film_inside_a_border_is_refused(chest: NDArray[np.float32], cut: slice) -> None:
    half = np.ascontiguousarray(np.repeat(chest[:, cut], 2, axis=1))
    verdict = examine(Film(_framed(half, (90, 90, 90, 90), 1), Facts("PNG")))
    assert (verdict.status, verdict.area) == ("refused", None)


def test_what_a_tag_refuses_is_not_looked_for_inside_a_border(chest: NDArray[np.float32]) -> None:
    framed = Film(_framed(chest, (90, 80, 70, 60), 1), Facts("DICOM", view="lateral"))
    assert examine(framed).status == "refused"


def test_a_film_without_a_border_and_a_plain_one_have_no_inside() -> None:
    noise = np.random.default_rng(1).random((64, 64), np.float32)
    assert list(inner_areas(noise)) == []
    assert list(inner_areas(np.zeros((64, 64), np.float32))) == []


def test_boxes_and_evidence_are_of_the_whole_file(chest: NDArray[np.float32]) -> None:
    maps = np.zeros((1, 8, 8), np.float32)
    maps[:, 2:4, 5:7] = 1

    def ask(films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.zeros(len(films), np.float32), np.repeat(maps, len(films), axis=0)

    engine = Engine(Description(name="there", version="1", size=64), "numpy", ask)
    cut = Cut("tuned", 0.5)
    (inner,) = predict(chest, "a", engine, cut)[0].boxes
    framed = _framed(chest, (128, 64, 128, 192), 1)
    area = (128, 64, 128 + SIDE, 64 + SIDE)
    prediction, evidence = predict(framed, "a", engine, cut, area=area)
    (box,) = prediction.boxes
    moved = (inner.x0 + 128, inner.y0 + 64, inner.x1 + 128, inner.y1 + 64)
    assert (box.x0, box.y0, box.x1, box.y1) == moved
    assert (prediction.width, prediction.height) == (512, 512)
    assert evidence.shape == (16, 16)
    assert np.argwhere(evidence > 0.5).min(0).tolist() == [2 + 2, 4 + 5]
    assert not evidence[:, :4].any()


def test_evidence_of_a_part_keeps_its_place_in_the_whole() -> None:
    whole = spread(np.ones((4, 4), np.float32), (30, 0, 70, 40), 80, 100)
    assert whole.shape == (8, 10)
    assert np.argwhere(whole).min(0).tolist() == [0, 3]
    assert np.argwhere(whole).max(0).tolist() == [3, 6]


def test_a_film_far_longer_than_its_chest_has_a_map_that_can_be_read_again() -> None:
    whole = spread(np.ones((24, 24), np.float32), (0, 400, 240, 640), 42_800, 240)
    assert whole.shape == (LONGEST_SIDE, 24)
    assert np.flatnonzero(whole.any(axis=1)).tolist() == list(range(38, 61))


def test_a_part_smaller_than_a_place_at_the_end_has_the_last_one() -> None:
    whole = spread(np.ones((24, 24), np.float32), (0, 59_990, 24, 60_000), 60_000, 24)
    assert np.argwhere(whole.any(axis=1)).ravel().tolist() == [LONGEST_SIDE - 1]


@pytest.mark.parametrize("seed", range(4))
def test_masks_of_regions_are_those_of_the_boxes_inside_a_border_too(
    chest: NDArray[np.float32], seed: int
) -> None:
    maps = np.random.default_rng(seed).normal(size=(1, 12, 12)).astype(np.float32)

    def ask(films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.zeros(len(films), np.float32), np.repeat(maps, len(films), axis=0)

    engine = Engine(Description(name="there", version="1", size=96), "numpy", ask)
    framed = _framed(chest, (330, 20, 330, 20), 0)
    area = (330, 20, 330 + SIDE, 20 + SIDE)
    prediction, evidence = predict(framed, "a", engine, Cut("tuned", 0.4), area=area)
    height, width = framed.shape
    masks = region_masks(prediction, evidence, height, width)
    assert len(masks) == len(prediction.boxes) > 1
    for mask, box in zip(masks, prediction.boxes, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        around = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        np.testing.assert_allclose(around, (box.x0, box.y0, box.x1, box.y1), atol=2)
