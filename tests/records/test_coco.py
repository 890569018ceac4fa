from __future__ import annotations

import json
from pathlib import Path

import pytest
from faster_coco_eval import COCO

from tbspot.errors import TbspotError
from tbspot.records.coco import read_coco_images, read_coco_results, write_coco_results
from tbspot.records.predictions import PredictedBox, Prediction
from tbspot.samples.names import Names

BOX = PredictedBox(x0=10, y0=20.5, x1=110, y1=70.5, score=0.75)


def prediction(image: str, *boxes: PredictedBox) -> Prediction:
    return Prediction(image=image, status="ok", boxes=boxes, model="m", version="1")


def images(folder: Path, **ids: int) -> Path:
    path = folder / "annotations.json"
    listed = [{"id": number, "file_name": f"{name}.png"} for name, number in ids.items()]
    path.write_text(json.dumps({"images": listed}))
    return path


def test_boxes_come_back_as_they_went_out(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    second = BOX.model_copy(update={"score": 0.25})
    write_coco_results(path, [prediction("tb/one.png", BOX, second), prediction("two.png")])
    assert json.loads(path.read_text())[0] == {
        "image_id": "one",
        "category_id": 1,
        "bbox": [10, 20.5, 100, 50],
        "score": 0.75,
    }
    assert [(one.image, one.box) for one in read_coco_results(path)] == [
        ("one", BOX),
        ("one", second),
    ]


def test_boxes_are_of_the_films_that_a_list_of_images_says(tmp_path: Path) -> None:
    path, ids = tmp_path / "results.json", read_coco_images(images(tmp_path, one=7, two=8)).ids
    results = [
        {"image_id": number, "category_id": 1, "bbox": [10, 20.5, 100, 50], "score": 0.75}
        for number in (8, 7)
    ]
    path.write_text(json.dumps(results))
    read = [(one.image, one.box) for one in read_coco_results(path, ids)]
    assert read == [("two.png", BOX), ("one.png", BOX)]


@pytest.mark.filterwarnings("ignore")
def test_others_programs_read_what_is_written_once_films_have_their_numbers(tmp_path: Path) -> None:
    """Those of their list of images: this one takes no names for ids."""
    truth, path = tmp_path / "truth.json", tmp_path / "results.json"
    truth.write_text(
        json.dumps(
            {
                "images": [{"id": 7, "file_name": "one.png", "width": 200, "height": 100}],
                "categories": [{"id": 1, "name": "tb"}],
                "annotations": [],
            }
        )
    )
    write_coco_results(path, [prediction("one.png", BOX)])
    results = [
        one | {"image_id": {"one": 7}[one["image_id"]]} for one in json.loads(path.read_text())
    ]
    loaded = COCO(str(truth)).loadRes(results)
    assert loaded.anns[1]["bbox"] == [10, 20.5, 100, 50]
    assert loaded.anns[1]["image_id"] == 7


def test_two_films_of_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    with pytest.raises(TbspotError, match=r"a/one\.png and b/one\.png would have one image_id"):
        write_coco_results(path, [prediction("a/one.png"), prediction("b/one.png")])
    assert not path.exists()


def test_an_id_leads_back_to_its_film_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    names = ("film.png", "film.v2.png", "SMITH.JOHN", "SMITH.MARY")
    write_coco_results(path, [prediction(name, BOX) for name in names])
    known = Names(names)
    assert [known.closest(one.image) for one in read_coco_results(path)] == [[one] for one in names]
    with pytest.raises(TbspotError, match=r"film\.png\.dcm and film\.png would have one image_id"):
        write_coco_results(path, [prediction("film.png"), prediction("film.png.dcm", BOX)])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"score": 1.5}, r"is not a list of COCO results with scores in \[0, 1\] \(0\.score"),
        ({"bbox": [1, 2, 0, 4]}, "is not a list of COCO results"),
        ({"bbox": [1e308, 2, 1e308, 4]}, "is not a list of COCO results"),
        ({"bbox": [1, 2, 3]}, "is not a list of COCO results"),
        ({"bbox": [True, 2, 3, 4]}, "is not a list of COCO results"),
        ({"bbox": ["1", 2, 3, 4]}, "is not a list of COCO results"),
        ({"score": True}, "is not a list of COCO results"),
        ({"image_id": 9}, "names films by numbers .* by --boxes-images"),
    ],
)
def test_a_wrong_result_is_refused_in_a_sentence(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    path = tmp_path / "results.json"
    result = {"image_id": "one", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
    path.write_text(json.dumps([result | changes]))
    with pytest.raises(TbspotError, match=sentence):
        read_coco_results(path)


def test_a_result_of_an_image_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    result = {"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
    path.write_text(json.dumps([result]))
    with pytest.raises(TbspotError, match="image_id 9, which the list of images does not have"):
        read_coco_results(path, {"one.png": 7})


def test_a_list_with_an_id_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="id or name twice"):
        read_coco_images(images(tmp_path, one=7, two=7))


def test_whole_numbers_may_be_written_with_a_point(tmp_path: Path) -> None:
    path, listed = tmp_path / "results.json", tmp_path / "images.json"
    listed.write_text('{"images": [{"id": 1.0, "file_name": "one.png"}]}')
    box = '"bbox": [10, 20, 5, 5], "score": 0.5'
    path.write_text(f'[{{"image_id": 1.0, "category_id": 1.0, {box}}}]')
    (found,) = read_coco_results(path, read_coco_images(listed).ids)
    assert found.image == "one.png"
    path.write_text(f'[{{"image_id": "one", "category_id": 1.5, {box}}}]')
    with pytest.raises(TbspotError, match="list of COCO results"):
        read_coco_results(path)
