"""What docs/audit.md says of the films we have; skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tbspot.audit.model import spread
from tbspot.audit.probes import probe
from tbspot.audit.regression import out_of_fold
from tbspot.images import read_pixels
from tbspot.maps.lungs import lung_field
from tbspot.metrics import auroc
from tbspot.samples.loading import in_split, load

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared here"),
]


def test_the_lung_field_holds_most_of_the_boxes_area_of_tbx11k() -> None:
    held = whole = 0.0
    for sample in in_split(load([str(DATA / "tbx11k")]).samples, "tune"):
        film = read_pixels(sample.path)
        boxes = np.zeros(film.shape, bool)
        for box in sample.boxes or ():
            boxes[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)] = True
        held += (boxes & spread(lung_field(film), film.shape)).sum()
        whole += boxes.sum()
    assert 0.78 < held / whole < 0.84


@pytest.mark.slow
def test_even_within_shenzhen_tb_is_told_without_lungs() -> None:
    samples = [one for one in load([str(DATA / "shenzhen128")]).samples if one.source == "shenzhen"]
    views = []
    for sample in samples:
        film = read_pixels(sample.path)
        views.append(probe(film, spread(lung_field(film), film.shape)))
    labels = np.array([sample.label for sample in samples])
    patients = [sample.patient for sample in samples]
    told = {
        name: auroc(labels, out_of_fold(np.array([v[name] for v in views]), labels, patients, 0))
        for name in views[0]
    }
    assert 0.83 < told["thumbnail of 16 x 16 pixels"] < 0.9
    assert 0.78 < told["thumbnail of 16 x 16 pixels, lungs erased"] < 0.86
