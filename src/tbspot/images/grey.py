"""Stored grey values to what a viewer shows: the chain of PS3.4 N.2, in [0, 1].

Takes stored values and a header; gives pixels. Order: modality LUT, VOI LUT, inversion, padding.
Colour is left to dicom.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

__all__ = ["GREY_TAGS", "to_display"]

GREY_TAGS = [
    "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowCenter",
    "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "PixelPaddingValue",
    "PixelPaddingRangeLimit",
]  # fmt: skip
# Without a window, this share at either end may be cut: markers at the top, collimator below.
CUT = 0.5


def to_display(
    stored: NDArray[np.integer[Any]], header: Dataset
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Stored values `[rows, columns]` as `float32` in [0, 1], 0 = black, and what was assumed."""
    values, declared = _modality(stored, header)
    padding = _padding(stored, header)
    shown, corrections = _values_of_interest(values, declared, padding, header)
    # The standard has the shape say INVERSE where, and only where, the interpretation says it.
    if (
        header.PhotometricInterpretation == "MONOCHROME1"
        or header.get("PresentationLUTShape") == "INVERSE"
    ):
        shown = 1 - shown
    shown[padding] = 0
    return shown, corrections


def _modality(
    stored: NDArray[np.integer[Any]], header: Dataset
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Modality LUT or rescaling (PS3.3 C.11.1): the values, and the range they are declared in."""
    bits = header.BitsStored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if header.PixelRepresentation else (
        0, 2**bits - 1
    )  # fmt: skip
    table = header.get("ModalityLUTSequence")
    if table:
        found, most = _look_up(stored, table[0])
        return found, (0, most)
    slope = float(1 if header.get("RescaleSlope") is None else header.RescaleSlope)
    intercept = float(header.get("RescaleIntercept") or 0)
    ends = sorted((low * slope + intercept, high * slope + intercept))
    return stored * np.float32(slope) + np.float32(intercept), (ends[0], ends[1])


def _values_of_interest(
    values: NDArray[np.float32],
    declared: tuple[float, float],
    padding: NDArray[np.bool_],
    header: Dataset,
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """VOI LUT, first window, or what stands in for them (PS3.3 C.11.2)."""
    table = header.get("VOILUTSequence")
    if table:
        found, most = _look_up(values, table[0])
        return found / np.float32(most), ()
    center, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if center is not None and width is not None and width > 0:
        return window(values, center, width, str(header.get("VOILUTFunction") or "LINEAR")), ()
    # As a PNG of 8 bits is read: such films are meant to be shown as they are.
    if header.BitsStored <= 8 or padding.all():
        return _between(values, *declared), ()
    low, high = np.percentile(values[~padding], (CUT, 100 - CUT))
    return _between(values, float(low), float(high)), (
        "no window in the file: the darkest and brightest 0.5 % were cut",
    )


def window(
    values: NDArray[np.float32], center: float, width: float, function: str
) -> NDArray[np.float32]:
    """Window of PS3.3 C.11.2.1.2 and C.11.2.1.3, to [0, 1]."""
    if function == "SIGMOID":
        exponent = (-4 * (values - np.float32(center)) / np.float32(width)).clip(-80, 80)
        logistic: NDArray[np.float32] = 1 / (1 + np.exp(exponent))
        return logistic
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    return _between(values, center - width / 2, center + width / 2)


def _between(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """0 at `low` and below, 1 at `high` and above; a step after `low` when they are one."""
    if high <= low:
        return (values > np.float32(low)).astype(np.float32)
    return ((values - np.float32(low)) / np.float32(high - low)).clip(0, 1)


def _look_up(values: NDArray[Any], table: Dataset) -> tuple[NDArray[np.float32], int]:
    """Values through a LUT, values beyond it to its ends; and the most an entry can say."""
    count, first, bits = (int(part) for part in table.LUTDescriptor)
    # The descriptor's numbers are of 16 bits, signed or not depending on the encoder.
    count = count % 65536 or 65536
    if first > 32767 and values.min() < 0:
        first -= 65536
    entries = _entries(table.LUTData, count).astype(np.float32)
    return entries[(values.astype(np.int32) - first).clip(0, count - 1)], 2**bits - 1


def _entries(data: Any, count: int) -> NDArray[Any]:
    if not isinstance(data, bytes):
        return np.asarray(data, np.uint16)[:count]
    return np.frombuffer(data, np.uint8 if len(data) < 2 * count else "<u2")[:count]


def _padding(stored: NDArray[np.integer[Any]], header: Dataset) -> NDArray[np.bool_]:
    """Where there is no picture (PS3.3 C.7.5.1.1.2), in stored values."""
    value = header.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, np.bool_)
    limit = header.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    return (stored >= low) & (stored <= high)


def _first(header: Dataset, keyword: str) -> float | None:
    """First value of a tag that may hold several, or be empty."""
    value = header.get(keyword)
    if value is None or isinstance(value, str):
        return None
    number = float(value if np.ndim(value) == 0 else value[0])
    return number if np.isfinite(number) else None
