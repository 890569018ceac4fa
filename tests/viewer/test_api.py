from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from pages import PLANTED, Page, Places, dicom_of
from tbspot.images import read_pixels
from tbspot.locating.predict import boxes_of
from tbspot.maps.boxes import normalise, threshold_of
from tbspot.maps.cutting import Cut
from tbspot.maps.overlays import overlay
from tbspot.records.predictions import (
    PredictedBox,
    Prediction,
    read_heatmap,
    read_predictions,
)
from tbspot.viewer.takeaway import film_report


@pytest.fixture(scope="module")
def predictions(places: Places) -> list[Prediction]:
    return list(read_predictions(places.run))


@pytest.fixture(scope="module")
def seen(predictions: list[Prediction]) -> list[int]:
    """Numbers of the films that have a map."""
    return [number for number, one in enumerate(predictions) if one.status == "ok"]


def test_boxes_are_those_that_locate_wrote(
    page: Page, predictions: list[Prediction], seen: list[int]
) -> None:
    assert len(seen) == 12
    for number in seen:
        boxes = page.ask(f"/film/{number}/boxes").json()
        assert boxes == [box.model_dump() for box in predictions[number].boxes]


def test_boxes_at_the_located_threshold_are_the_same_again(
    page: Page, places: Places, predictions: list[Prediction], seen: list[int]
) -> None:
    for number in seen:
        evidence = read_heatmap(places.run, predictions[number])
        share = threshold_of(normalise(evidence), "otsu", None)
        boxes = page.ask(f"/film/{number}/boxes?share={share!r}").json()
        assert boxes == [box.model_dump() for box in predictions[number].boxes]


def test_boxes_at_another_threshold_are_cut_as_locate_cuts(
    page: Page, places: Places, predictions: list[Prediction], seen: list[int]
) -> None:
    one = predictions[seen[0]]
    evidence = read_heatmap(places.run, one)
    assert one.score is not None
    assert one.width is not None
    assert one.height is not None
    found = []
    for share in (0.2, 0.5, 0.9):
        boxes = page.ask(f"/film/{seen[0]}/boxes?share={share}").json()
        expected = boxes_of(evidence, Cut("tuned", share), one.score, one.height, one.width)
        assert boxes == [box.model_dump() for box in expected]
        found.append(boxes)
    assert found[0] != found[1] != found[2]


@pytest.mark.parametrize("share", ["0", "1", "-1", "nan", "inf", "many", ""])
def test_a_share_that_is_none_is_one_sentence(page: Page, seen: list[int], share: str) -> None:
    answer = page.ask(f"/film/{seen[0]}/boxes?share={share}")
    assert answer.status == 400
    assert answer.text == "share must be a number between 0 and 1"


def test_pixels_are_those_of_the_film_in_16_bits(
    page: Page, places: Places, predictions: list[Prediction], seen: list[int]
) -> None:
    answer = page.ask(f"/film/{seen[0]}/pixels")
    shape = (int(answer.headers["x-height"]), int(answer.headers["x-width"]))
    film = read_pixels(places.films / predictions[seen[0]].image)
    assert shape == film.shape == (128, 128)
    shown = np.frombuffer(answer.body, "<u2").reshape(shape)
    assert np.abs(shown / 65535 - film).max() < 1e-5


def test_the_heat_map_is_as_opaque_as_it_is_high(
    page: Page, places: Places, predictions: list[Prediction], seen: list[int]
) -> None:
    normalised = normalise(read_heatmap(places.run, predictions[seen[0]]))
    with Image.open(io.BytesIO(page.ask(f"/film/{seen[0]}/heatmap.png").body)) as picture:
        alpha = np.asarray(picture)[..., 3]
    assert np.abs(alpha / 255 - normalised).max() < 0.5 / 255 + 1e-6
    with Image.open(io.BytesIO(page.ask(f"/film/{seen[0]}/heatmap.png?share=0.5").body)) as picture:
        cut = np.asarray(picture)[..., 3]
    assert np.array_equal(cut > 0, normalised >= 0.5)


def test_thumbnails_are_small_pictures(page: Page, seen: list[int]) -> None:
    with Image.open(io.BytesIO(page.ask(f"/film/{seen[0]}/thumbnail.png").body)) as picture:
        assert picture.size == (96, 96)
        assert picture.mode == "L"


def test_the_legend_goes_from_the_least_to_the_most(page: Page) -> None:
    with Image.open(io.BytesIO(page.ask("/legend.png").body)) as picture:
        brightness = np.asarray(picture.convert("L"), int)[0]
    assert np.all(np.diff(brightness) >= 0)
    assert brightness[0] < 10
    assert brightness[-1] > 200


def test_the_result_to_take_along_is_the_line_of_the_run(
    page: Page, predictions: list[Prediction]
) -> None:
    for number, prediction in enumerate(predictions):
        answer = page.ask(f"/film/{number}/result.json")
        assert answer.json() == prediction.model_dump(mode="json")
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="tbspot-film-{number}.json"'
        )


def test_a_result_at_another_threshold_says_so(page: Page, seen: list[int]) -> None:
    answer = page.ask(f"/film/{seen[0]}/result.json?share=0.9")
    taken = Prediction.model_validate_json(answer.body)
    assert (taken.map_rule, taken.map_threshold) == ("tuned", 0.9)
    boxes = page.ask(f"/film/{seen[0]}/boxes?share=0.9").json()
    assert [box.model_dump() for box in taken.boxes] == boxes


def test_the_picture_to_take_along_is_that_of_locate(
    page: Page, places: Places, predictions: list[Prediction], seen: list[int]
) -> None:
    one = predictions[seen[0]]
    film = read_pixels(places.films / one.image)
    expected = overlay(film, read_heatmap(places.run, one), one.boxes)
    with Image.open(io.BytesIO(page.ask(f"/film/{seen[0]}/overlay.png").body)) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(expected))


def test_the_page_to_take_along_needs_nothing_else(page: Page, seen: list[int]) -> None:
    text = page.ask(f"/film/{seen[0]}/report.html").text
    assert text.count("data:image/png;base64,") == 2
    assert "http" not in text
    assert "<script" not in text
    assert "Research use only, not a diagnosis" in text
    assert "student-1" in text


def test_the_page_to_take_along_says_of_boxes_what_the_page_says() -> None:
    box = PredictedBox(x0=42.5, y0=40.5, x1=206.5, y1=138, score=0.9)
    prediction = Prediction(
        image="a.png", status="ok", score=0.9, threshold=0.5, boxes=(box,), width=256, height=256,
        model="m", version="v", map_rule="tuned", map_threshold=0.44,
    )  # fmt: skip
    text = film_report(np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32), prediction)
    assert "<td>43 to 207</td>" in text
    assert "<td>41 to 138</td>" in text


def test_the_other_model_answers_beside(page: Page, places: Places, seen: list[int]) -> None:
    others = {one.image: one for one in read_predictions(places.other_run)}
    for number in seen:
        taken = page.ask(f"/beside/{number}/result.json").json()
        assert taken["model"] == "teacher"
        assert taken == others[taken["image"]].model_dump(mode="json")


def test_a_film_without_a_map_has_none_to_take(page: Page, predictions: list[Prediction]) -> None:
    for number, one in enumerate(predictions):
        if one.status == "ok":
            continue
        for name in ("heatmap.png", "boxes", "overlay.png", "report.html"):
            answer = page.ask(f"/film/{number}/{name}")
            assert (answer.status, answer.text) == (404, "the film has no map")


def test_a_film_that_is_gone_is_one_sentence(page: Page, predictions: list[Prediction]) -> None:
    number = next(n for n, one in enumerate(predictions) if one.status == "refused")
    answer = page.ask(f"/film/{number}/pixels")
    assert answer.status == 422
    assert answer.text == (
        "side <b>view</b>.png is not where it was located; if the films were moved, name their "
        "folder with --films\n"
    )
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("name", "status", "sentence"),
    [
        ("/film/999", 404, "there is no such film"),
        ("/nowhere", 404, "Not Found"),
        ("/film/13/pixels", 422, "side &lt;b&gt;view&lt;/b&gt;.png is not where it was located"),
    ],
)
def test_a_person_is_told_what_is_wrong_on_a_page_with_a_way_back(
    page: Page, name: str, status: int, sentence: str
) -> None:
    answer = page.ask(name, headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/html")
    assert sentence in answer.text
    assert 'href="/"' in answer.text
    assert "Research use only" in answer.text
    assert "<b>view" not in answer.text
    assert page.ask(name).headers["content-type"].startswith("text/plain")


def test_a_dropped_film_is_what_locate_says_of_it(
    page: Page, places: Places, predictions: list[Prediction], seen: list[int]
) -> None:
    one = predictions[seen[0]]
    address = page.drop((places.films / one.image).read_bytes())
    progress = page.wait(address)
    assert progress["status"] == "ok"
    assert progress["score"] == pytest.approx(one.score, abs=1e-3)
    assert (progress["threshold"], progress["boxes"]) == (one.threshold, len(one.boxes))
    taken = Prediction.model_validate(page.ask(f"{address}/result.json").json())
    assert taken.image == "the dropped film"
    assert (taken.width, taken.height) == (128, 128)
    assert len(taken.boxes) == len(one.boxes)
    assert page.ask(f"{address}/overlay.png").status == 200
    assert page.ask(address).status == 200


def test_no_tag_of_a_dropped_dicom_film_leaves_it(page: Page) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (300, 280), np.uint16)
    address = page.drop(dicom_of(values))
    assert page.wait(address)["status"] == "ok"
    for name in ("", "/progress", "/result.json", "/report.html", "/pixels", "/overlay.png"):
        answer = page.ask(f"{address}{name}")
        assert answer.status == 200
        assert PLANTED.encode() not in answer.body
        assert PLANTED not in json.dumps(dict(answer.headers))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the dropped film is empty; replace or remove it"),
        (b"no film", "the dropped film is not an image (DICOM, PNG, JPEG or TIFF)"),
        (b"\x89PNG\r\n\x1a\nbroken", "the dropped film cannot be read as a PNG image"),
        (b"PK\x03\x04 zipped", "the dropped film is a zip archive; unpack it first"),
        (b"\0" * 128 + b"DICM broken", "the dropped film is a"),
    ],
)
def test_a_file_that_is_no_film_fails_with_the_sentence_of_locate(
    page: Page, content: bytes, sentence: str
) -> None:
    address = page.drop(content)
    progress = page.wait(address)
    assert progress["status"] == "failed"
    assert progress["reason"].startswith(sentence)
    assert "tmp" not in progress["reason"]
    shown = page.ask(address)
    assert shown.status == 200
    assert "No score: failed" in shown.text
    assert page.ask("/").status == 200


def test_a_film_is_forgotten_when_asked(page: Page, places: Places) -> None:
    address = page.drop(next(places.films.glob("tb/*.png")).read_bytes())
    page.wait(address)
    assert page.ask(f"{address}/thumbnail.png").status == 200
    assert page.ask(address, "DELETE").status == 204
    answer = page.ask(f"{address}/progress")
    assert (answer.status, answer.text) == (404, "this film is no longer kept; drop it again")
    assert page.ask(address).status == 404
    assert page.ask(f"{address}/thumbnail.png").status == 404


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page: Page) -> None:
    answer = page.ask("/drops", "POST", headers={"Content-Length": "600000000"})
    assert answer.status == 413
    assert answer.text == (
        "the dropped film has 600,000,000 bytes, more than 512,000,000; export it smaller"
    )
    assert page.ask("/").status == 200


def test_a_file_of_unknown_length_is_refused(page: Page) -> None:
    answer = page.ask("/drops", "POST", headers={"Transfer-Encoding": "chunked"})
    assert answer.status == 411
