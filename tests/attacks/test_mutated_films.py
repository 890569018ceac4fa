"""Broken copies of films of every format: a film or one sentence, whatever they hold.

`TBSPOT_ATTACK=100 pytest tests/attacks/test_mutated_films.py` tries 20,000 in the place of 200.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom.uid
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread

from mutations import TIMES, broken
from tbspot.errors import OutOfMemoryError, TbspotError
from tbspot.gate.verdict import examine
from tbspot.images import read_with_facts

pytestmark = pytest.mark.attack

COUNT = 200
COMPRESSED = (pydicom.uid.RLELossless, pydicom.uid.JPEGLSLossless, pydicom.uid.JPEG2000Lossless)


def _pictures(small: NDArray[np.uint16]) -> list[bytes]:
    grey = Image.fromarray((small >> 4).astype(np.uint8))
    colour, deep = grey.convert("RGB"), Image.fromarray(small)
    found = []
    for picture, kind, options in (
        (grey, "PNG", {}),
        (deep, "PNG", {}),
        (colour.quantize(16), "PNG", {}),
        (colour, "PNG", {"pnginfo": None}),
        (grey, "JPEG", {}),
        (colour, "JPEG", {"progressive": True}),
        (grey, "TIFF", {}),
        (deep, "TIFF", {"compression": "tiff_lzw"}),
        (grey, "TIFF", {"compression": "tiff_adobe_deflate"}),
    ):
        file = io.BytesIO()
        picture.save(file, kind, **options)  # type: ignore[arg-type]
        found.append(file.getvalue())
    return found


@pytest.fixture
def corpus(write_dicom: Callable[..., Path], twelve_bits: NDArray[np.uint16]) -> list[bytes]:
    """Small sound films: nine pictures, and DICOM of six transfer syntaxes."""
    small = twelve_bits[40:88, 40:88].copy()
    tags = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}
    found = _pictures(small)
    plain = write_dicom(small, name="a.dcm", **tags)
    found.append(plain.read_bytes())
    for number, syntax in enumerate(
        (pydicom.uid.ImplicitVRLittleEndian, pydicom.uid.DeflatedExplicitVRLittleEndian)
    ):
        found.append(write_dicom(small, name=f"{number}.dcm", syntax=syntax, **tags).read_bytes())
    for syntax in COMPRESSED:
        content = dcmread(plain)
        content.compress(syntax, generate_instance_uid=False)
        file = io.BytesIO()
        content.save_as(file)
        found.append(file.getvalue())
    return found


@pytest.mark.slow
def test_every_mutated_film_is_a_film_or_one_sentence(corpus: list[bytes], tmp_path: Path) -> None:
    random = np.random.default_rng(20261127)
    path, films, memory = tmp_path / "mutated", 0, 0
    sentences: list[str] = []
    for number in range(COUNT * TIMES):
        path.write_bytes(broken(corpus[number % len(corpus)], random))
        try:
            film = read_with_facts(path)
        except TbspotError as error:
            sentences.append(str(error))
            memory += isinstance(error, OutOfMemoryError)
            continue
        films += 1
        assert film.pixels.dtype == np.float32
        assert 0 <= film.pixels.min() <= film.pixels.max() <= 1
        assert "PLANTED" not in repr(film.facts)
        examine(film)
    tried = COUNT * TIMES
    print(f"{tried} mutated films: {films} read, {len(sentences)} refused, {memory} for memory")  # noqa: T201
    assert films > 0
    assert sentences
    assert not [text for text in sentences if "\n" in text or "PLANTED" in text]
