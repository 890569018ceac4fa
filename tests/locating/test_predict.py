from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engines import bright, bright_engine
from tbspot.description import Description
from tbspot.engine.engine import Answer, Engine, engine_of
from tbspot.errors import TbspotError
from tbspot.locating.predict import engine_for, predict
from tbspot.maps.cutting import Cut
from tbspot.nets.classifier import Classifier

HALF = Cut("tuned", 0.5)


def _film() -> NDArray[np.float32]:
    film = np.zeros((200, 100), np.float32)
    film[50:100, 75:] = 1
    return film


def test_a_box_is_in_the_films_own_pixels() -> None:
    (box,) = predict(_film(), "a", bright_engine(), HALF)[0].boxes
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((75, 50, 100, 100), abs=3)


def test_a_box_of_a_reduced_film_is_in_the_files_pixels() -> None:
    prediction, _ = predict(_film(), "a", bright_engine(), HALF, shape=(399, 199))
    assert (prediction.height, prediction.width) == (399, 199)
    (box,) = prediction.boxes
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((150, 100, 199, 200), abs=6)


def test_the_best_boxs_score_is_the_films() -> None:
    prediction, _ = predict(_film(), "a", bright_engine(), HALF)
    assert prediction.score == pytest.approx(1 / (1 + np.exp(-1 / 16)), abs=1e-3)
    assert prediction.boxes[0].score == prediction.score


def test_a_prediction_says_film_size_model_and_how_boxes_were_cut() -> None:
    prediction, evidence = predict(_film(), "a/b.png", bright_engine(score_threshold=0.3), HALF)
    assert (prediction.image, prediction.model, prediction.version) == ("a/b.png", "bright", "v1")
    assert (prediction.height, prediction.width) == (200, 100)
    assert (prediction.threshold, prediction.map_rule, prediction.map_threshold) == (
        0.3,
        "tuned",
        0.5,
    )
    assert evidence.shape == (8, 8)


def test_the_quantile_rule_gives_its_share_of_the_film() -> None:
    film = np.linspace(0, 1, 100 * 100, dtype=np.float32).reshape(100, 100)
    (box,) = predict(film, "a", bright_engine(), Cut("quantile", 0.25))[0].boxes
    assert (box.x1 - box.x0) * (box.y1 - box.y0) == pytest.approx(2500, rel=0.1)


def test_a_black_film_has_no_box_and_no_blank_score() -> None:
    prediction, _ = predict(np.zeros((64, 64), np.float32), "a", bright_engine(), Cut("otsu", None))
    assert prediction.boxes == ()
    assert prediction.score == 0.5


def test_a_net_that_gives_nan_is_an_error_and_not_a_blank_map() -> None:
    def broken(films: NDArray[np.float32]) -> Answer:
        return np.zeros(len(films), np.float32), np.full((len(films), 2, 2), np.nan, np.float32)

    with pytest.raises(
        TbspotError, match='m gives no finite answer for a; try `precision="float32"`'
    ):
        predict(_film(), "a", Engine(Description(name="m"), "fake", broken), HALF)


def test_gradient_methods_need_a_net_of_torch() -> None:
    with pytest.raises(TbspotError, match="has no net of torch; give a model file"):
        engine_for(bright_engine(), "layer_cam")


@pytest.mark.parametrize("carried", [True, False])
@pytest.mark.parametrize("asked_for", [True, False, None])
def test_the_mirrored_film_is_seen_if_asked_for_or_else_as_the_model_says(
    carried: bool, asked_for: bool | None
) -> None:
    views: list[int] = []

    def ask(films: NDArray[np.float32]) -> Answer:
        views.append(len(films))
        return bright(films)

    engine = Engine(bright_engine(mirror=carried).description, "fake", ask)
    predict(_film(), "a", engine_for(engine, "cam", mirror=asked_for), HALF)
    assert views == [2 if (carried if asked_for is None else asked_for) else 1]


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_pp", "layer_cam"])
def test_gradient_methods_change_the_map_and_not_the_score(method: str) -> None:
    classifier = Classifier(Description(name="m", size=64))
    classifier.head.weight.data += 0.01
    engine = engine_of(classifier, Description(name="m", size=64))
    film = _film()
    closed, _ = predict(film, "a", engine, HALF)
    other, evidence = predict(film, "a", engine_for(engine, method, mirror=True), HALF)  # type: ignore[arg-type]
    assert other.score == pytest.approx(closed.score, abs=0.1)
    assert evidence.min() >= 0
    assert evidence.max() > 0
