"""A film that is read smaller shows the means of the film read whole."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.uid
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.pixels.encoders.base import get_encoder

from readers import read_dicom_file
from tbspot.images import read_with_facts
from tbspot.images.coarse import decode_coarse
from tbspot.images.reducing import count, factor_for, shaded

WriteDicom = Callable[..., Path]

WINDOW = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 1500}
ENOUGH, FACTOR = 30, 4


def _means(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float64]:
    """Of cells, by a way of its own: each cell's pixels, one by one."""
    height, width = pixels.shape
    return np.array([
        [pixels[y : y + factor, x : x + factor].mean() for x in range(0, width, factor)]
        for y in range(0, height, factor)
    ])  # fmt: skip


@pytest.mark.parametrize(
    "tags",
    [
        WINDOW,
        {"BitsStored": 12},
        {"BitsStored": 12, "PixelPaddingValue": 0},
        WINDOW | {"PixelPaddingValue": 4095, "PhotometricInterpretation": "MONOCHROME1"},
        WINDOW | {"VOILUTFunction": "SIGMOID"},
    ],
)
@pytest.mark.parametrize("cut", [(128, 128), (125, 127)])
def test_a_film_is_averaged_after_it_was_shown(
    write_dicom: WriteDicom,
    twelve_bits: NDArray[np.uint16],
    tags: dict[str, Any],
    cut: tuple[int, int],
) -> None:
    path = write_dicom(twelve_bits[: cut[0], : cut[1]], **tags)
    whole, reduced = read_dicom_file(path, None), read_dicom_file(path, ENOUGH)
    np.testing.assert_allclose(reduced.pixels, _means(whole.pixels, FACTOR), atol=1e-6)
    assert (reduced.shape, reduced.reduced_from) == (cut, cut)
    assert (whole.shape, whole.reduced_from) == (cut, None)
    assert reduced.facts == whole.facts


def test_colours_are_averaged_too(write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]) -> None:
    levels = (twelve_bits >> 4).astype(np.uint8)
    path = write_dicom(np.stack([levels, levels[::-1], levels[:, ::-1]], -1))
    expected = _means(read_dicom_file(path, None).pixels, FACTOR)
    np.testing.assert_allclose(read_dicom_file(path, ENOUGH).pixels, expected, atol=1e-6)


@pytest.mark.parametrize(
    "syntax", [pydicom.uid.RLELossless, pydicom.uid.JPEGLSLossless, pydicom.uid.JPEG2000Lossless]
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_compressed_film_is_as_good_as_the_means_of_its_uncompressed_self(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], syntax: str, signed: bool
) -> None:
    # As fine as films are, not as files: four pixels of the file for one of the film.
    wide = Image.fromarray(twelve_bits.astype(np.float32)).resize((512, 512))
    smooth = np.asarray(wide).clip(0, 4095).astype(np.int16)
    values = smooth - np.int16(2048) if signed else smooth.astype(np.uint16)
    tags: dict[str, Any] = WINDOW | {"WindowCenter": 0 if signed else 2048, "WindowWidth": 4096}
    path = write_dicom(values, **tags)
    expected = read_dicom_file(path, 128).pixels
    dataset = dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(path)
    found = read_dicom_file(path, 128)
    # A wavelet's low band is no mean of cells, but near it.
    allowed = 0.03 if syntax == pydicom.uid.JPEG2000Lossless else 1e-6
    assert np.abs(found.pixels - expected).mean() <= allowed
    assert (found.pixels.shape, found.shape) == ((128, 128), (512, 512))


def _jpeg_2000(values: NDArray[Any], **tags: Any) -> bytes:
    encoder = get_encoder(pydicom.uid.JPEG2000Lossless)
    return encoder.encode(
        values,
        rows=values.shape[0],
        columns=values.shape[1],
        samples_per_pixel=1,
        bits_allocated=16,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
        **tags,
    )


def test_what_lies_above_the_stored_bits_is_not_averaged_in(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    overlay = np.uint16(1 << 15) * (np.indices(twelve_bits.shape).sum(0) % 3 == 0)
    frame = _jpeg_2000(twelve_bits | overlay.astype(np.uint16), bits_stored=16)
    path = write_dicom(twelve_bits, syntax=pydicom.uid.JPEG2000Lossless, frame=frame, **WINDOW)
    plain = write_dicom(twelve_bits, name="plain.dcm", **WINDOW)
    np.testing.assert_allclose(
        read_dicom_file(path, ENOUGH).pixels, read_dicom_file(plain, ENOUGH).pixels, atol=1e-6
    )


def test_padding_is_not_averaged_in_by_a_wavelet(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    values = twelve_bits.copy()
    values[:, :50] = 4095
    tags = WINDOW | {"PixelPaddingValue": 4095}
    frame = _jpeg_2000(values, bits_stored=12)
    path = write_dicom(values, syntax=pydicom.uid.JPEG2000Lossless, frame=frame, **tags)
    plain = write_dicom(values, name="plain.dcm", **tags)
    np.testing.assert_allclose(
        read_dicom_file(path, ENOUGH).pixels, read_dicom_file(plain, ENOUGH).pixels, atol=1e-6
    )


@pytest.mark.parametrize("most", [1, 2, 3, 7, 9])
def test_a_jpeg_is_decoded_smaller_by_2_4_or_8_but_by_no_more_than_is_allowed(most: int) -> None:
    film = np.add.outer(np.arange(161), np.arange(99)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(film).save(stream, "JPEG", quality=100)
    found = decode_coarse(stream.getvalue(), 8, most, signed=False)
    factor = {1: 1, 2: 2, 3: 2, 7: 4, 9: 8}[most]
    if factor == 1:
        assert found is None
        return
    assert found is not None
    assert found[1] == factor
    assert found[0].shape == (-(-161 // factor), -(-99 // factor))
    assert np.abs(found[0] - _means(film.astype(np.float32), factor)).mean() < 8


def test_a_stream_that_cannot_be_decoded_smaller_gives_nothing() -> None:
    assert decode_coarse(b"no stream", 8, 4, signed=False) is None


def test_a_jpeg_2000_of_few_levels_is_read_all_the_same(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16]
) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    frame = imagecodecs.jpeg2k_encode(
        twelve_bits, codecformat="j2k", bitspersample=12, reversible=True, resolutions=1
    )
    path = write_dicom(
        twelve_bits, syntax=pydicom.uid.JPEG2000Lossless, frame=bytes(frame), **WINDOW
    )
    film = read_dicom_file(path, ENOUGH)
    np.testing.assert_allclose(
        film.pixels, _means(read_dicom_file(path, None).pixels, FACTOR), atol=0.1
    )


@pytest.mark.parametrize("name", ["film.png", "film.jpg", "film.tif"])
@pytest.mark.parametrize("colour", [False, True])
def test_every_format_is_read_smaller(film_path: Path, tmp_path: Path, name: str, colour: bool) -> (
    None
):  # fmt: skip
    image = Image.open(film_path).crop((0, 0, 128, 100))
    (image.convert("RGB") if colour else image).save(tmp_path / name)
    whole = read_with_facts(tmp_path / name)
    reduced = read_with_facts(tmp_path / name, enough=25)
    assert (reduced.pixels.shape, reduced.shape) == ((25, 32), (100, 128))
    np.testing.assert_allclose(reduced.pixels, _means(whole.pixels, 4), atol=0.02)
    assert reduced.facts == whole.facts


def test_a_turned_photograph_keeps_the_size_that_other_programs_show(tmp_path: Path) -> None:
    image = Image.fromarray(np.tile(np.arange(160, dtype=np.uint8), (120, 1)))
    exif = image.getexif()
    exif[274] = 6
    image.save(tmp_path / "film.jpg", exif=exif)
    film = read_with_facts(tmp_path / "film.jpg", enough=30)
    assert (film.shape, film.pixels.shape) == ((160, 120), (40, 30))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_averaged_in_cells_that_begin_at_its_corner(
    orientation: int, tmp_path: Path
) -> None:
    y, x = np.mgrid[:187, :155]
    stored = (128 + 60 * np.sin(x / 9) + 60 * np.cos(y / 11)).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(stored).save(tmp_path / "film.jpg", quality=100, exif=exif)
    whole = read_with_facts(tmp_path / "film.jpg").pixels
    reduced = read_with_facts(tmp_path / "film.jpg", enough=19).pixels[:-1, :-1]
    down, across = (8 * side for side in reduced.shape)
    np.testing.assert_allclose(reduced, _means(whole[:down, :across], 8), atol=0.02)


def test_a_film_that_has_no_twice_enough_is_read_whole(film_path: Path) -> None:
    film = read_with_facts(film_path, enough=65)
    assert (film.pixels.shape, film.reduced_from) == ((128, 128), None)


def test_the_factor_leaves_both_sides_enough() -> None:
    assert factor_for(3000, 2500, 615) == 4
    assert factor_for(500, 2500, 615) == 1
    assert factor_for(3000, 2500, None) == 1


def test_strips_do_not_show() -> None:
    values = np.random.default_rng(0).integers(0, 256, (700, 1000), np.uint8)
    shade = values.astype(np.float32) / np.float32(255)
    found = shaded(values, lambda strip: strip.astype(np.float32) / np.float32(255), 3)
    np.testing.assert_allclose(found, _means(shade, 3), atol=1e-6)


def test_values_are_counted_as_numpy_counts_them() -> None:
    values = np.random.default_rng(0).integers(0, 4096, (300, 1001)).astype(np.uint16)
    counts = count(lambda strip: strip, values, 4095)
    np.testing.assert_array_equal(counts, np.bincount(values.ravel(), minlength=4096))
