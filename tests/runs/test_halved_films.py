"""Halves of films as tables that the commands read: runs/halves.py."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tbspot.images import read_pixels
from tbspot.metrics import one_sided
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample

SCRIPT = Path(__file__).parents[2] / "runs" / "halves.py"


@pytest.fixture(scope="module")
def made(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both tables of the drawn films for training."""
    out = tmp_path_factory.mktemp("halves")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["halves.py", str(out), str(drawn), "train", str(drawn)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return out


def _boxed_on_one_side(drawn: Path) -> dict[str, Sample]:
    boxed = [one for one in load([str(drawn)]).samples if one.split == "train" and one.boxes]
    corners = {one: [(b.x0, b.y0, b.x1, b.y1) for b in one.boxes or ()] for one in boxed}
    return {f"tbx11k {s.name}": s for s, c in corners.items() if one_sided(np.array(c), 128)}


def test_each_film_with_tb_on_one_side_gives_a_half_with_it_and_one_without(
    made: Path, drawn: Path
) -> None:
    halves = load([str(made / "within.csv")]).samples
    expected = _boxed_on_one_side(drawn)
    assert expected
    for label in (0, 1):
        assert {one.patient for one in halves if one.label == label} == set(expected)
    for half in halves:
        film, whole = read_pixels(half.path), read_pixels(expected[half.patient].path)
        box = (expected[half.patient].boxes or ())[0]
        assert np.array_equal(film, film[:, ::-1])
        kept = slice(0, 64) if (box.x1 <= 64) == bool(half.label) else slice(64, 128)
        assert np.array_equal(film[:, kept], whole[:, kept])


def test_across_has_halves_without_tb_alone_and_is_labelled_by_the_source(made: Path) -> None:
    clean = [one for one in load([str(made / "within.csv")]).samples if not one.label]
    across = load([str(made / "across.csv")]).samples
    films = [read_pixels(one.path) for one in across if one.label]
    assert len(films) == len(clean)
    assert all(np.array_equal(a, read_pixels(b.path)) for a, b in zip(films, clean, strict=True))
    assert any(not one.label for one in across)
