"""Broken copies of valid files: whatever they hold, the outcome is a film or one sentence.

`TBSPOT_FUZZ=20000` raises the number of inputs from the default of 150.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pydicom.uid
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mutations import broken
from tbspot.errors import TbspotError
from tbspot.gate.verdict import examine
from tbspot.images import read_with_facts

INPUTS = int(os.environ.get("TBSPOT_FUZZ", "150"))


@pytest.fixture
def corpus(
    write_dicom: Callable[..., Path], twelve_bits: NDArray[np.uint16], tmp_path: Path
) -> list[bytes]:
    """Small valid files of every kind and syntax."""
    small = twelve_bits[40:72, 40:72].copy()
    grey = (small >> 4).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(small).save(tmp_path / "b.png")
    Image.fromarray(grey).save(tmp_path / "a.jpg")
    Image.fromarray(grey).save(tmp_path / "a.tif")
    Image.fromarray(small).save(tmp_path / "b.tif", compression="tiff_lzw")
    window = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}
    plain = write_dicom(small, name="a.dcm", **window)
    write_dicom(small, name="b.dcm", syntax=pydicom.uid.ImplicitVRLittleEndian, **window)
    write_dicom(small, name="c.dcm", syntax=pydicom.uid.DeflatedExplicitVRLittleEndian, **window)
    for syntax, name in (
        (pydicom.uid.RLELossless, "d.dcm"),
        (pydicom.uid.JPEGLSLossless, "e.dcm"),
        (pydicom.uid.JPEG2000Lossless, "f.dcm"),
    ):
        compressed = pydicom.dcmread(plain)
        compressed.compress(syntax, generate_instance_uid=False)
        compressed.save_as(tmp_path / name)
    _jpeg_lossless(plain, tmp_path / "g.dcm")
    return [path.read_bytes() for path in sorted(tmp_path.iterdir())]


def _jpeg_lossless(plain: Path, path: Path) -> None:
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


STARTS = (
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\0",
    b"\0" * 128 + b"DICM",
    b"\x08\0\x05\0",
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_bytes_that_only_begin_as_a_film_are_one_sentence(start: bytes, rest: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        path.write_bytes(start + rest)
        with pytest.raises(TbspotError):
            read_with_facts(path)


@pytest.mark.slow
def test_every_broken_file_is_a_film_or_one_sentence(corpus: list[bytes], tmp_path: Path) -> None:
    random = np.random.default_rng(20261124)
    path = tmp_path / "broken"
    films, sentences = 0, []
    for number in range(INPUTS):
        content = broken(corpus[number % len(corpus)], random)
        path.write_bytes(content)
        try:
            film = read_with_facts(path)
        except TbspotError as error:
            sentences.append(str(error))
            continue
        films += 1
        assert film.pixels.dtype == np.float32
        assert film.pixels.ndim == 2
        assert np.isfinite(film.pixels).all()
        assert film.pixels.min() >= 0
        assert film.pixels.max() <= 1
        assert "PLANTED" not in repr(film.facts)
        examine(film)
    assert films > 0
    assert len(sentences) == INPUTS - films > 0
    assert not [text for text in sentences if "\n" in text or "PLANTED" in text]
