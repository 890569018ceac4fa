from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engines import DESCRIPTION
from tbspot.drawings import draw_film
from tbspot.images import read_with_facts
from tbspot.locating.detail import enough_for, examine_film


def test_enough_is_more_than_the_largest_frame_asks_for() -> None:
    assert enough_for(DESCRIPTION) == 154
    assert enough_for(DESCRIPTION, (1.0, 2.0)) == 308
    assert enough_for(DESCRIPTION.model_copy(update={"through": 32})) == 77


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    large = Image.fromarray(draw_film("tb", 256, (3,)).pixels).resize((800, 1000))
    large.save(path)
    return path


def test_a_film_is_seen_smaller_and_judged_by_the_files_size(film: Path) -> None:
    verdict = examine_film(partial(read_with_facts, film), 100)
    assert (verdict.status, verdict.film.shape) == ("ok", (1000, 800))
    assert verdict.film.pixels.shape == (125, 100)


def test_without_the_gate_nothing_is_said(film: Path) -> None:
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(film)
    assert examine_film(partial(read_with_facts, film), 100, gate=False).remarks == ()
    assert examine_film(partial(read_with_facts, film), 100).code == "blank"


def test_a_film_in_a_border_is_seen_whole(film: Path) -> None:
    framed = np.pad(np.asarray(Image.open(film)), 300, constant_values=255)
    Image.fromarray(framed).save(film)
    verdict = examine_film(partial(read_with_facts, film), 100)
    assert verdict.area == (300, 300, 1100, 1300)
    assert verdict.film.pixels.shape == framed.shape
