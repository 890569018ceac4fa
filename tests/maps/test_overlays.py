import numpy as np
import pytest

from tbspot.images import resize
from tbspot.maps.boxes import normalise
from tbspot.maps.overlays import BOX_COLOUR, colours, overlay
from tbspot.records.predictions import PredictedBox

FILM = np.full((60, 40), 0.5, np.float32)
NOTHING = np.zeros((4, 4), np.float32)


def test_a_film_without_evidence_stays_grey() -> None:
    picture = np.asarray(overlay(FILM, NOTHING, ()))
    assert picture.shape == (60, 40, 3)
    assert (picture == 127).all()


def test_colours_get_brighter_with_the_evidence_for_every_eye() -> None:
    luma = colours(np.linspace(0, 1, 50, dtype=np.float32)) @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(luma) > 0).all()


def test_the_colour_lies_where_the_evidence_is() -> None:
    evidence = np.zeros((4, 4), np.float32)
    evidence[0, 3] = 5
    picture = np.asarray(overlay(FILM, evidence, ())).astype(int)
    coloured = np.ptp(picture, axis=-1) > 20
    assert coloured[4, 36]
    assert not coloured[:, :15].any()
    assert not coloured[35:].any()


def test_a_box_is_drawn_along_its_edge_inside_the_picture() -> None:
    box = PredictedBox(x0=10, y0=20, x1=40, y1=60, score=1)
    picture = np.asarray(overlay(FILM, NOTHING, (box,)))
    for row, column in ((20, 10), (59, 39), (40, 10), (59, 20)):
        assert tuple(picture[row, column]) == BOX_COLOUR
    assert tuple(picture[40, 25]) == (127, 127, 127)


def test_a_large_film_becomes_a_picture_of_at_most_1024_pixels_with_its_box_in_place() -> None:
    film = np.zeros((3000, 1500), np.float32)
    box = PredictedBox(x0=750, y0=1500, x1=1500, y1=3000, score=1)
    picture = overlay(film, NOTHING, (box,))
    assert picture.size == (512, 1024)
    assert picture.getpixel((256, 512)) == BOX_COLOUR


def test_a_box_lies_where_it_lies_in_the_film_that_was_read_smaller() -> None:
    box = PredictedBox(x0=40, y0=80, x1=160, y1=240, score=1)
    small = overlay(FILM, NOTHING, (box,), shape=(240, 160))
    whole = overlay(FILM, NOTHING, (PredictedBox(x0=10, y0=20, x1=40, y1=60, score=1),))
    np.testing.assert_array_equal(np.asarray(small), np.asarray(whole))


@pytest.mark.parametrize("side", [1, 2, 3000])
def test_the_narrowest_film_and_box_can_be_drawn(side: int) -> None:
    box = PredictedBox(x0=0, y0=0, x1=0.5, y1=0.5, score=1)
    assert overlay(np.zeros((side, 1), np.float32), NOTHING, (box,)).size[0] == 1


def test_film_and_colour_are_mixed_by_half_the_evidence_to_two_grey_levels() -> None:
    random = np.random.default_rng(0)
    film = random.random((90, 70), np.float32)
    evidence = random.normal(size=(6, 6)).astype(np.float32)
    strength = resize(normalise(evidence), 90, 70)[..., None]
    expected = 255 * film[..., None] * (1 - strength / 2) + colours(strength[..., 0]) * strength / 2
    picture = np.asarray(overlay(film, evidence, ()), np.float32)
    assert np.abs(picture - expected).max() <= 2
