import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tbspot.metrics import Detections, box_average_precision, froc, match_boxes

Film = tuple[np.ndarray, np.ndarray]


def drawn_films(seed: int, count: int = 12) -> list[Film]:
    """Predicted boxes `[n, 5]`, best first, and truth `[m, 4]`, some near each other."""
    random = np.random.default_rng(seed)
    films = []
    for _ in range(count):
        truth = random.uniform(0, 400, (random.integers(0, 4), 2))
        truth = np.hstack([truth, truth + random.uniform(20, 100, truth.shape)])
        near = truth + random.normal(0, 9, (len(truth), 1)) * [1, 1, 1.5, 1.5]
        stray = random.uniform(0, 400, (random.integers(0, 3), 2))
        boxes = np.vstack([near, np.hstack([stray, stray + 50])])
        scores = random.random(len(boxes))
        order = np.argsort(-scores)
        films.append((np.hstack([boxes, scores[:, None]])[order], truth))
    return films


def detections_of(films: list[Film], least_iou: float) -> Detections:
    return Detections(
        np.concatenate([np.full(len(p), i) for i, (p, _) in enumerate(films)]).astype(np.intp),
        np.concatenate([p[:, 4] for p, _ in films]),
        np.concatenate([match_boxes(p, t, least_iou) for p, t in films]),
        np.array([len(t) for _, t in films], float),
    )


def once(films: list[Film]) -> np.ndarray:
    return np.ones((1, len(films)))


def coco_average_precision(films: list[Film], least_iou: float) -> float:
    from faster_coco_eval import COCO, COCOeval_faster

    def annotation(number: int, image: int, box: np.ndarray) -> dict[str, object]:
        x0, y0, x1, y1 = (float(v) for v in box[:4])
        area = (x1 - x0) * (y1 - y0)
        kept = {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "area": area}
        return kept | {"bbox": [x0, y0, x1 - x0, y1 - y0]}

    truths = [(i, box) for i, (_, truth) in enumerate(films, 1) for box in truth]
    found = [(i, box) for i, (predicted, _) in enumerate(films, 1) for box in predicted]
    truth = COCO(
        {
            "info": {},
            "images": [{"id": i, "width": 512, "height": 512} for i in range(1, len(films) + 1)],
            "categories": [{"id": 1, "name": "TB"}],
            "annotations": [annotation(n, i, box) for n, (i, box) in enumerate(truths, 1)],
        }
    )
    results = truth.loadRes([annotation(0, i, b) | {"score": float(b[4])} for i, b in found])
    judge = COCOeval_faster(truth, results, "bbox", print_function=lambda *_: None)
    judge.params.iouThrs = np.array([least_iou])
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][0, :, 0, 0, -1]
    return float(precision[precision > -1].mean())


@pytest.mark.parametrize("least_iou", [0.25, 0.5])
@pytest.mark.parametrize("seed", range(8))
def test_average_precision_is_cocos(seed: int, least_iou: float) -> None:
    films = drawn_films(seed)
    (ours,) = box_average_precision(detections_of(films, least_iou), once(films))
    assert ours == pytest.approx(coco_average_precision(films, least_iou), abs=1e-9)


def test_average_precision_by_hand() -> None:
    # In order of score: right, wrong, right; three truths, of which one is never found.
    detections = Detections(
        np.array([0, 0, 1]),
        np.array([0.9, 0.8, 0.7]),
        np.array([True, False, True]),
        np.array([2.0, 1.0]),
    )
    # Precision 1 up to recall 1/3 (34 levels), 2/3 up to 2/3 (33 levels), 0 beyond.
    expected = (34 * 1 + 33 * 2 / 3) / 101
    assert box_average_precision(detections, np.ones((1, 2)))[0] == pytest.approx(expected)


def test_each_truth_box_is_found_once_by_the_best_box() -> None:
    truth = np.array([[0.0, 0, 10, 10], [100, 0, 110, 10]])
    predicted = np.array([[0, 0, 10, 9, 0.9], [0, 0, 10, 10, 0.8], [100, 0, 110, 5, 0.7]])
    assert match_boxes(predicted, truth, 0.5).tolist() == [True, False, True]
    assert match_boxes(predicted, truth, 0.6).tolist() == [True, False, False]
    assert match_boxes(predicted, np.empty((0, 4)), 0.5).tolist() == [False] * 3
    assert match_boxes(np.empty((0, 5)), truth, 0.5).tolist() == []


def test_froc_by_hand() -> None:
    detections = Detections(
        np.array([0, 0, 1, 1]),
        np.array([0.9, 0.8, 0.8, 0.3]),
        np.array([True, False, True, False]),
        np.array([1.0, 3.0]),
    )
    once = np.ones((1, 2))
    # The two boxes of score 0.8 come together: 2 of 4 found with half a false box a film.
    assert froc(detections, once, 0.4).tolist() == [1 / 4]
    assert froc(detections, once, 0.5).tolist() == [2 / 4]
    assert froc(detections, once, 2).tolist() == [2 / 4]


def test_without_a_box_nothing_is_found_and_without_truth_there_is_no_figure() -> None:
    empty = np.empty(0)
    nothing = Detections(empty.astype(int), empty, empty.astype(bool), np.array([1.0, 0.0]))
    counts = np.array([[1.0, 1.0], [0.0, 2.0]])
    for figures in (box_average_precision(nothing, counts), froc(nothing, counts, 1)):
        assert figures[0] == 0
        assert np.isnan(figures[1])


@given(st.integers(0, 1000))
@settings(max_examples=30)
def test_drawing_films_twice_is_having_them_twice(seed: int) -> None:
    films = drawn_films(seed, 4)
    counts = np.array([[2.0, 0, 1, 1]])
    repeated = [films[0], films[0], films[2], films[3]]
    detections, expected = detections_of(films, 0.25), detections_of(repeated, 0.25)
    assert np.allclose(
        froc(detections, counts, 1), froc(expected, once(repeated), 1), equal_nan=True
    )


@given(st.integers(0, 1000))
@settings(max_examples=30)
def test_more_false_boxes_allowed_never_find_fewer_lesions(seed: int) -> None:
    films = drawn_films(seed)
    detections = detections_of(films, 0.25)
    found = [float(froc(detections, once(films), k)[0]) for k in (0.5, 1, 2)]
    assert found == sorted(found)
