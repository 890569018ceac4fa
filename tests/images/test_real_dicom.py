"""The real DICOM files of ../shared: read right, judged right, and silent about patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tbspot.gate.verdict import examine
from tbspot.images import Film, read_with_facts

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "dicom"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="no ../shared here"),
]


@pytest.fixture(scope="module")
def films() -> dict[str, Film]:
    return {path.stem: read_with_facts(path) for path in sorted(FOLDER.glob("*.dcm"))}


def test_every_file_is_read_over_the_whole_range(films: dict[str, Film]) -> None:
    assert len(films) == 7
    for film in films.values():
        assert film.pixels.dtype == np.float32
        assert film.pixels.min() >= 0
        assert film.pixels.max() <= 1
        assert film.pixels.max() - film.pixels.min() > 0.8


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("cr-10bit-window-jpegls", "ok", None),
        ("cr-chest-pa-jpeg-baseline", "ok", None),
        ("cr-chest-pa-monochrome1-j2k", "ok", None),
        ("cr-chest-tagged-monochrome1", "warn", "inverted"),
        ("dx-12bit-monochrome1-rle", "ok", None),
        ("dx-14bit-signed-rescale-j2k", "ok", None),
        ("dx-8bit-lateral-tag", "refused", "lateral"),
    ],
)
def test_every_file_is_judged_as_it_should_be(
    films: dict[str, Film], name: str, status: str, code: str | None
) -> None:
    verdict = examine(films[name])
    assert (verdict.status, verdict.code) == (status, code)


def test_a_film_tagged_inverted_that_is_not_becomes_the_film_it_is(films: dict[str, Film]) -> None:
    verdict = examine(films["cr-chest-tagged-monochrome1"])
    right = films["cr-chest-pa-jpeg-baseline"].pixels
    np.testing.assert_allclose(verdict.film.pixels, right, atol=1e-6)
    assert verdict.film.facts.corrections == ("inverted despite its tags: it was set right",)


def test_no_planted_name_is_in_what_is_known_of_a_film(films: dict[str, Film]) -> None:
    for film in films.values():
        assert "PLANTED" not in repr(film)
        assert "PLANTED" not in repr(examine(film))
