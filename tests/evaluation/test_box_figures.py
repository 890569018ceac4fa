from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tbspot.evaluation import summary
from tbspot.evaluation.per_film import AP_IOUS, FROC_IOU, Localized
from tbspot.evaluation.summary import box_figures
from tbspot.records.figures import Drawing
from tbspot.samples.sample import Sample

DRAWING = Drawing(resamples=100, seed=0)


def films_with(boxes: int) -> list[Localized]:
    """Four films of so many boxes each, of which one in ten is right."""
    random = np.random.default_rng(0)
    return [
        Localized(
            place=place,
            sample=Sample(Path(f"{place}.png"), f"{place}.png", 1, "source", str(place)),
            overlaps={},
            hit=0,
            hit_tolerant=0,
            side=None,
            energy=None,
            lesions=0,
            called=None,
            is_missing=False,
            boxes=np.empty((0, 5)),
            ranked=random.random((boxes, 5)),
            correct={iou: random.random(boxes) < 0.1 for iou in (*AP_IOUS, FROC_IOU)},
        )
        for place in range(4)
    ]


def test_memory_does_not_grow_with_the_boxes_of_a_film() -> None:
    films = films_with(1500)
    tracemalloc.start()
    box_figures(films, dict.fromkeys(range(4), 500), DRAWING)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20


def test_samples_taken_in_parts_give_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    films, lesions = films_with(20), dict.fromkeys(range(4), 5)
    whole = box_figures(films, lesions, DRAWING)
    for block in (7, 1000):
        monkeypatch.setattr(summary, "BLOCK", block)
        assert box_figures(films, lesions, DRAWING) == whole
