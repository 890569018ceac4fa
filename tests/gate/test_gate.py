from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lateral import draw_lateral
from no_chest import draw_others, draw_slice
from numpy.typing import NDArray

from tbspot.drawings import draw_dataset
from tbspot.gate.chest import KINDS, features, look, threshold
from tbspot.gate.verdict import examine
from tbspot.images import Facts, Film, read_pixels, resize


@pytest.fixture(scope="module")
def chests(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    """A dozen drawn chest films of 256 pixels: a smaller one would be refused for its size."""
    folder = tmp_path_factory.mktemp("chests")
    draw_dataset(folder, count=12, size=256, seed=5)
    return [Film(read_pixels(path), Facts("PNG")) for path in sorted(folder.rglob("*.png"))]


@pytest.fixture(scope="module")
def chest(chests: list[Film]) -> Film:
    return chests[0]


def _tagged(chest: Film, **facts: Any) -> Film:
    return Film(chest.pixels, Facts("DICOM", **facts))


def test_every_drawn_film_is_judged(chests: list[Film]) -> None:
    assert [examine(film).status for film in chests] == ["ok"] * 12


def test_a_drawn_chest_film_passes_as_it_is(chest: Film) -> None:
    verdict = examine(chest)
    assert verdict.status == "ok"
    assert verdict.code is None
    assert verdict.reason is None
    assert verdict.film is chest


@pytest.mark.parametrize(
    ("facts", "status", "code"),
    [
        ({"modality": "CR", "view": "frontal", "body_part": "chest", "age": 40}, "ok", None),
        ({"modality": "RF"}, "ok", None),
        ({"modality": "CT"}, "refused", "not_chest"),
        ({"modality": "DG"}, "refused", "not_chest"),
        ({"body_part": "other"}, "refused", "not_chest"),
        ({"view": "lateral"}, "refused", "lateral"),
        ({"orientation": "turned"}, "refused", "turned"),
        ({"orientation": "mirrored"}, "warn", "mirrored"),
        ({"age": 14}, "warn", "child"),
        ({"age": 15}, "ok", None),
        ({"for_processing": True}, "refused", "for_processing"),
        ({"is_result": True}, "refused", "result"),
        ({"faults": ("Window Center",)}, "warn", "tags"),
    ],
)
def test_tags_refuse_or_warn(
    chest: Film, facts: dict[str, Any], status: str, code: str | None
) -> None:
    verdict = examine(_tagged(chest, **facts))
    assert (verdict.status, verdict.code) == (status, code)
    assert (verdict.reason is None) == (status == "ok")


def test_an_inverted_film_is_set_right_and_said(chest: Film) -> None:
    verdict = examine(Film(1 - chest.pixels, chest.facts))
    assert (verdict.status, verdict.code) == ("warn", "inverted")
    np.testing.assert_allclose(verdict.film.pixels, chest.pixels, atol=1e-6)
    assert verdict.film.facts.corrections == ("inverted: it was set right",)


def test_a_refusal_comes_before_a_warning(chest: Film) -> None:
    verdict = examine(_tagged(chest, age=3, view="lateral"))
    assert [remark.code for remark in verdict.remarks] == ["lateral", "child"]
    assert verdict.status == "refused"
    assert "lateral" in str(verdict.reason)
    assert "child" in str(verdict.reason)


def test_a_tag_that_was_set_aside_is_named(chest: Film) -> None:
    reason = examine(_tagged(chest, faults=("Window Center", "Rescale Slope"))).reason
    assert reason == "unusable tags were set aside: Window Center, Rescale Slope"


def test_the_age_itself_is_not_repeated(chest: Film) -> None:
    assert "13" not in str(examine(_tagged(chest, age=13)).reason)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_film_is_refused(chest: Film, quarters: int) -> None:
    turned = np.ascontiguousarray(np.rot90(chest.pixels, quarters))
    assert examine(Film(turned, chest.facts)).status == "refused"


@pytest.mark.parametrize(
    ("pixels", "code"),
    [
        (np.full((256, 256), 0.5, np.float32), "blank"),
        (np.pad(np.ones((128, 256), np.float32), ((128, 0), (0, 0))), "saturated"),
        (np.full((150, 300), 0.5, np.float32), "small"),
    ],
)
def test_what_holds_no_picture_is_refused_without_looking_for_a_chest(
    pixels: Any, code: str
) -> None:
    verdict = examine(Film(pixels, Facts("PNG")))
    assert verdict.status == "refused"
    assert code in {remark.code for remark in verdict.remarks}
    assert "not_chest" not in {remark.code for remark in verdict.remarks}


def test_a_strip_is_no_whole_film(chest: Film) -> None:
    strip = np.ascontiguousarray(np.tile(chest.pixels, (1, 3)))
    assert examine(Film(strip, chest.facts)).code == "cropped"


def test_a_film_of_pixels_that_are_not_square_is_as_long_as_they_make_it(chest: Film) -> None:
    tall = np.ascontiguousarray(np.repeat(chest.pixels, 3, axis=0))
    assert "cropped" in examine(Film(tall, chest.facts)).codes
    for aspect in (1 / 3, 0.45):
        assert examine(_tagged(Film(tall, chest.facts), pixel_aspect=aspect)).status == "ok"
    assert examine(_tagged(chest, pixel_aspect=4.0)).status == "ok"


@pytest.mark.parametrize("seed", range(10))
def test_a_drawn_lateral_view_is_refused_by_its_look(seed: int) -> None:
    view = draw_lateral(np.random.default_rng((2026, seed)))
    verdict = examine(Film(resize(view, 256, 256), Facts("PNG")))
    assert (verdict.status, verdict.code) == ("refused", "lateral")
    assert "looks like a lateral view" in str(verdict.reason)


@pytest.mark.parametrize(
    "join",
    [
        lambda first, second: np.hstack([first, second]),
        lambda first, second: 1 - np.hstack([first, second]),
        lambda first, second: np.hstack([first[:, 25:-25], second[:, 25:-25]]),
        lambda first, second: np.hstack([first, np.ones((256, 20), np.float32), second]),
        lambda first, second: np.vstack([first[25:-25], second[25:-25]]),
        lambda first, second: np.pad(np.hstack([first, second]), 40),
    ],
    ids=["beside", "negatives", "upright ones", "gap", "one over the other", "border"],
)
def test_two_films_in_one_picture_are_refused(
    chests: list[Film], join: Callable[[Any, Any], NDArray[np.float32]]
) -> None:
    for first, second in itertools.pairwise(chests):
        verdict = examine(Film(join(first.pixels, second.pixels), Facts("PNG")))
        assert (verdict.status, verdict.area) == ("refused", None)


def test_two_films_side_by_side_are_said_to_be_two(chests: list[Film]) -> None:
    for first, second in itertools.pairwise(chests):
        verdict = examine(Film(np.hstack([first.pixels, second.pixels]), Facts("PNG")))
        assert verdict.code == "cropped"
        assert verdict.reason == "shows two films; save each alone"


def test_a_single_film_of_any_usual_shape_is_not_taken_for_two(chests: list[Film]) -> None:
    for film, (height, width) in itertools.product(chests, [(400, 300), (300, 400), (380, 256)]):
        assert examine(Film(resize(film.pixels, height, width), Facts("PNG"))).status == "ok"


@pytest.mark.parametrize(
    ("chances", "code"),
    [
        ({"whole": 0.95, "halves": 0.4}, None),
        ({"whole": 0.99, "halves' negatives": 0.7}, None),
        ({"negative": 0.99, "halves": 0.7}, "inverted"),
        ({"halves": 0.3}, "cropped"),
        ({"whole": 0.5, "halves": 0.6}, "cropped"),
        ({"whole": 0.97, "halves' negatives": 0.99}, "cropped"),
        ({"negative": 0.97, "halves": 0.99}, "cropped"),
    ],
)
def test_a_film_of_35_x_43_cm_that_is_surer_a_chest_than_its_halves_is_no_two(
    monkeypatch: pytest.MonkeyPatch, chances: dict[str, float], code: str | None
) -> None:
    def said(pixels: NDArray[np.float32]) -> dict[str, float]:
        names = ("whole", "negative"), ("halves", "halves' negatives")
        is_half = max(pixels.shape) > 1.5 * min(pixels.shape)
        name = names[is_half][bool(pixels.mean() < 0.5)]
        return {**dict.fromkeys(KINDS, 0.0), "pair": 0.1, "chest": chances.get(name, 0.0)}

    monkeypatch.setattr("tbspot.gate.verdict.look", said)
    pixels = np.random.default_rng(1).uniform(0.6, 0.9, (350, 430)).astype(np.float32)
    assert examine(Film(pixels, Facts("PNG"))).code == code


def test_a_chest_film_and_a_lateral_view_in_one_picture_are_refused(chests: list[Film]) -> None:
    random = np.random.default_rng(5)
    for film in chests:
        both = np.hstack([film.pixels, resize(draw_lateral(random), 256, 256)])
        assert examine(Film(both, Facts("PNG"))).status == "refused"


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_slice_of_ct_is_no_chest_film(seed: int) -> None:
    across = draw_slice(np.random.default_rng((2026, seed)))
    verdict = examine(Film(resize(across, 256, 256), Facts("PNG")))
    assert verdict.status == "refused"


def test_few_icons_screens_and_scenes_look_like_a_chest_film() -> None:
    drawn = draw_others(100, np.random.default_rng(2026))
    verdicts = [examine(Film(resize(each, 256, 256), Facts("PNG"))) for each in drawn]
    assert sum(verdict.status != "refused" for verdict in verdicts) <= 2


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_negative_inside_a_border_never_passes_as_it_is(chests: list[Film], level: float) -> None:
    for film in chests:
        framed = np.pad(1 - film.pixels, 40, constant_values=np.float32(level))
        verdict = examine(Film(framed, Facts("PNG")))
        assert verdict.status == "refused" or "inverted" in verdict.codes


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_chest(seed: int) -> None:
    noise = np.random.default_rng(seed).random((256, 256), np.float32)
    verdict = examine(Film(noise, Facts("PNG")))
    assert (verdict.status, verdict.code) == ("refused", "not_chest")


def test_chances_are_of_every_kind_and_sum_to_one(chest: Film) -> None:
    chances = look(chest.pixels)
    assert tuple(chances) == KINDS
    assert sum(chances.values()) == pytest.approx(1)
    assert 0 < threshold() < threshold(strict=True) < 1


def test_exposure_does_not_matter_to_the_look(chest: Film) -> None:
    np.testing.assert_allclose(
        features(chest.pixels * np.float32(0.5)), features(chest.pixels), atol=0.15
    )


def test_a_picture_of_one_value_has_no_features() -> None:
    assert not features(np.zeros((64, 64), np.float32)).any()
