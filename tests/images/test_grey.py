"""The chain of grey values against its definition in the standard, computed apart in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_windowing

from tbspot.images.grey import to_display
from tbspot.images.tags import Tags

STORED = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def _header(**tags: Any) -> Dataset:
    dataset = Dataset()
    defaults = {"PhotometricInterpretation": "MONOCHROME2", "BitsStored": 12,
                "PixelRepresentation": 0}  # fmt: skip
    for keyword, value in (defaults | tags).items():
        setattr(dataset, keyword, value)
    return dataset


def _table(entries: list[int], first: int, bits: int, *, packed: bool = False) -> Dataset:
    table = Dataset()
    table.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries), first, bits])
    content = np.array(entries, np.uint8 if packed else "<u2").tobytes()
    table.add_new("LUTData", "OW", content)
    return table


def _shown(stored: NDArray[Any], **tags: Any) -> NDArray[np.float32]:
    return to_display(stored, Tags(_header(**tags)))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@settings(max_examples=30, deadline=None)
@given(
    center=st.integers(-2000, 6000),
    width=st.integers(2, 9000),
    slope=st.sampled_from([0.5, 1.0, 2.0]),
    intercept=st.integers(-1024, 1024),
)
def test_a_window_agrees_with_pydicoms(
    function: str, center: int, width: int, slope: float, intercept: int
) -> None:
    header = _header(
        WindowCenter=center,
        WindowWidth=width,
        VOILUTFunction=function,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
    )
    low, high = intercept, 4095 * slope + intercept
    stored = STORED[::7, ::7]
    with np.errstate(over="ignore"):
        expected = apply_windowing(apply_modality_lut(stored, header), header)
    scaled = (expected - low) / (high - low)
    # One that shows nothing is set aside.
    assume(min((scaled > 0.01).mean(), (scaled < 0.99).mean()) > 0.02)
    np.testing.assert_allclose(to_display(stored, Tags(header)), scaled, atol=2e-5)


def test_the_first_of_several_windows_is_used() -> None:
    several = _shown(STORED, WindowCenter=[2048, 10], WindowWidth=[4096, 5])
    np.testing.assert_allclose(several, STORED / 4095, atol=1e-6)


BESIDE = [(9000, 500), (-900, 1000), (4300, 400), (1e9, 2)]


@pytest.mark.parametrize(("center", "width"), BESIDE)
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_window_beside_the_film_is_left_for_one_that_shows_it_or_for_its_values(
    center: float, width: float, function: str
) -> None:
    film = STORED // 2 + 1000
    plain = Tags(_header())
    expected = to_display(film, plain)
    beside = Tags(_header(WindowCenter=center, WindowWidth=width / 4, VOILUTFunction=function))
    np.testing.assert_array_equal(to_display(film, beside), expected)
    assert beside.faults == ["Window Center", "Window Width"]
    several = Tags(_header(WindowCenter=[center, 2048], WindowWidth=[width / 4, 4096]))
    np.testing.assert_allclose(to_display(film, several), film / 4095, atol=1e-6)
    assert several.faults == []
    assert "the first window shows nothing of the film" in several.corrections[-1]


def test_a_table_that_shows_nothing_of_the_film_leaves_the_window() -> None:
    tags = Tags(
        _header(VOILUTSequence=[_table([0, 4095], 5000, 12)], WindowCenter=2048, WindowWidth=4096)
    )
    np.testing.assert_allclose(to_display(STORED, tags), STORED / 4095, atol=1e-6)
    assert tags.faults == ["VOI LUT Sequence"]


def test_markers_do_not_make_a_window_that_shows_them_alone_one_that_shows_the_film() -> None:
    film = STORED // 4
    film[0, :3] = 4095
    tags = Tags(_header(WindowCenter=4000, WindowWidth=300))
    to_display(film, tags)
    assert tags.faults == ["Window Center", "Window Width"]


def test_a_film_of_one_value_keeps_its_window() -> None:
    tags = Tags(_header(WindowCenter=2048, WindowWidth=4096))
    assert not to_display(np.zeros_like(STORED), tags).any()
    assert tags.faults == []


def test_monochrome1_is_inverted_after_the_window_over_the_declared_range() -> None:
    dim = STORED // 4
    shown = _shown(
        dim, PhotometricInterpretation="MONOCHROME1", WindowCenter=2048, WindowWidth=4096
    )
    np.testing.assert_allclose(shown, 1 - dim / 4095, atol=1e-6)
    assert shown.min() > 0.74


@pytest.mark.parametrize(
    ("interpretation", "shape", "inverted"),
    [
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ],
)
def test_interpretation_and_presentation_shape_invert_once(
    interpretation: str, shape: str, inverted: bool
) -> None:
    shown = _shown(
        STORED,
        PhotometricInterpretation=interpretation,
        PresentationLUTShape=shape,
        WindowCenter=2048,
        WindowWidth=4096,
    )
    expected = STORED / 4095
    np.testing.assert_allclose(shown, 1 - expected if inverted else expected, atol=1e-6)


def test_signed_values_are_rescaled_and_windowed_as_signed() -> None:
    stored = STORED.astype(np.int16) - 2048
    shown = _shown(
        stored,
        PixelRepresentation=1,
        RescaleSlope=2,
        RescaleIntercept=100,
        WindowCenter=100,
        WindowWidth=2000,
    )
    expected = ((stored * 2.0 + 100 - 99.5) / 1999 + 0.5).clip(0, 1)
    np.testing.assert_allclose(shown, expected, atol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_a_voi_table_of_8_bit_entries_and_more_than_256_of_them_is_followed(packed: bool) -> None:
    entries = [int(255 * (index / 2999) ** 2) for index in range(3000)]
    shown = _shown(STORED, VOILUTSequence=[_table(entries, 500, 8, packed=packed)])
    expected = np.array(entries)[(STORED.astype(int) - 500).clip(0, 2999)] / 255
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_a_modality_table_comes_before_the_window() -> None:
    entries = list(range(4095, -1, -1))
    shown = _shown(
        STORED,
        ModalityLUTSequence=[_table(entries, 0, 12)],
        WindowCenter=1024,
        WindowWidth=2048,
    )
    expected = ((4095.0 - STORED - 1023.5) / 2047 + 0.5).clip(0, 1)
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_a_table_from_a_negative_value_starts_there() -> None:
    stored = STORED.astype(np.int16) - 2048
    entries = list(range(4096))
    shown = _shown(stored, PixelRepresentation=1, VOILUTSequence=[_table(entries, -2048, 12)])
    np.testing.assert_allclose(shown, STORED / 4095, atol=1e-6)


def test_padding_is_black_however_the_film_is_shown_and_is_not_counted() -> None:
    stored = STORED.copy()
    stored[:32] = 4000
    header = _header(PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=4000)
    tags = Tags(header)
    shown = to_display(stored, tags)
    counted = stored[stored != 4000]
    low, high = np.percentile(counted, (0.5, 99.5))
    expected = np.where(stored == 4000, 0, 1 - ((stored - low) / (high - low)).clip(0, 1))
    np.testing.assert_allclose(shown, expected, atol=1e-6)
    assert len(tags.corrections) == 1
    assert tags.corrections[0].startswith("no window in the file")


def test_a_range_of_padding_is_black() -> None:
    shown = _shown(
        STORED,
        WindowCenter=2048,
        WindowWidth=4096,
        PixelPaddingValue=4000,
        PixelPaddingRangeLimit=4095,
    )
    np.testing.assert_allclose(shown, np.where(STORED >= 4000, 0, STORED / 4095), atol=1e-6)


def test_without_a_window_8_bits_are_shown_as_they_are() -> None:
    stored = np.arange(64, dtype=np.uint8).reshape(8, 8)
    tags = Tags(_header(BitsStored=8))
    shown = to_display(stored, tags)
    np.testing.assert_allclose(shown, stored / 255, atol=1e-7)
    assert tags.corrections == []


@pytest.mark.parametrize("width", [0, -5, float("nan")])
def test_a_window_without_width_is_as_good_as_none(width: float) -> None:
    none = _shown(STORED)
    np.testing.assert_array_equal(_shown(STORED, WindowCenter=5.0, WindowWidth=width), none)


def test_a_film_of_one_value_is_finite() -> None:
    assert np.isfinite(_shown(np.full((8, 8), 7, np.uint16))).all()
