"""Stored grey values to what a viewer shows: the chain of PS3.4 N.2, in [0, 1].

Takes stored values and a header's tags; gives pixels. Order: modality LUT, VOI LUT, inversion,
padding. Colour is left to colour.py, decoding to frames.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbspot.images.frames import within_bits
from tbspot.images.luts import Lut, read_lut
from tbspot.images.reducing import count, shaded
from tbspot.images.tags import Tags

__all__ = ["GREY_TAGS", "to_display"]

GREY_TAGS = [
    "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowCenter",
    "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "PixelPaddingValue",
    "PixelPaddingRangeLimit",
]  # fmt: skip
# Without a window, this share at either end may be cut: markers at the top, collimator below.
CUT = 0.5
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
SHAPES = ("", "IDENTITY", "INVERSE", "LIN OD")
# Rescaling that leaves less than this share of a value, or less than this number, as its range
# leaves no picture in float32.
LEAST_RANGE, LEAST_NUMBER = 1e-4, 1e-30
# A window or table that makes more than this share of a film black, or white, shows nothing of it.
MOST_PLAIN, END = 0.99, 1e-3
# Of so many rows one is looked at first, and all where that shows nothing.
SOME_ROWS, ALL_ROWS = 8, 1
# Padding that leaves less than this share of the film is no padding.
LEAST_FILM = 0.01

# How often each code occurs in every so many-th row of the film.
Counted = Callable[[int], NDArray[np.int64]]


def to_display(
    stored: NDArray[np.integer[Any]], tags: Tags, factor: int = 1
) -> NDArray[np.float32]:
    """Stored values `[rows, columns]` as `float32` in [0, 1], 0 = black.

    Every step depends on the value alone, so that the steps are taken once for each value that
    the bits can say, and the film is looked up.

    Args:
        stored: of Bits Stored bits, signed if Pixel Representation says so, whatever stands in
            the bits above them.
        tags: of the header; an unusable one is set aside there and the standard followed without
            it, and what was assumed is said there.
        factor: the mean of so many pixels a side is given; 1 = the whole film.
    """
    bits = int(tags.header.BitsStored)

    def codes(strip: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
        return within_bits(strip, bits, signed=False)

    shades = _shades(tags, cache(lambda every: count(codes, stored[::every], 2**bits - 1)))
    return shaded(stored, lambda strip: shades.take(codes(strip), mode="clip"), factor)


def _shades(tags: Tags, counted: Counted) -> NDArray[np.float32]:
    """What the film shows of each code of Bits Stored bits, `[2 ** bits]`."""
    bits = int(tags.header.BitsStored)
    values = np.arange(2**bits, dtype=np.int32)
    if tags.header.PixelRepresentation:
        values -= (values >> (bits - 1)) << bits  # as two's complement has them
    levels, declared = _modality(values, tags)
    padding = _padding(values, tags, counted)
    shades = _values_of_interest(levels, declared, padding, tags, counted)
    if _inverted(tags):
        shades = 1 - shades
    if padding is not None:
        shades[padding] = 0
    return shades


def _inverted(tags: Tags) -> bool:
    """The standard has the shape say INVERSE where, and only where, the interpretation says it."""
    shape = tags.word("PresentationLUTShape")
    if shape not in SHAPES:
        tags.set_aside("PresentationLUTShape")
    return tags.word("PhotometricInterpretation") == "MONOCHROME1" or shape == "INVERSE"


def _modality(
    stored: NDArray[np.integer[Any]], tags: Tags
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Modality LUT or rescaling (PS3.3 C.11.1): the values, and the range they are declared in."""
    header = tags.header
    bits, signed = header.BitsStored, bool(header.PixelRepresentation)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    table = _table("ModalityLUTSequence", tags, signed=signed)
    if table is not None:
        return table.look_up(stored), (0, table.most)
    slope, intercept = tags.number("RescaleSlope"), tags.number("RescaleIntercept") or 0.0
    slope = 1.0 if slope is None else slope
    ends = sorted((low * slope + intercept, high * slope + intercept))
    least = max(LEAST_RANGE * max(abs(end) for end in ends), LEAST_NUMBER)
    if not least < ends[1] - ends[0] < np.finfo(np.float32).max:
        tags.set_aside("RescaleSlope", "RescaleIntercept")
        return stored.astype(np.float32), (low, high)
    values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    return values, (ends[0], ends[1])


def _table(keyword: str, tags: Tags, *, signed: bool) -> Lut | None:
    """The first table of a sequence; a sequence without one is set aside."""
    item = tags.item(keyword)
    if item is None:
        return None
    found = read_lut(
        item,
        ("LUTDescriptor", "LUTData"),
        little=tags.header.original_encoding[1] is not False,
        signed=signed,
        tags=tags,
        title=keyword.removesuffix("LUTSequence") + " LUT",
    )
    # All entries alike leave nothing of a film.
    if found is None or found.entries.min() == found.entries.max():
        tags.set_aside(keyword)
        return None
    return found


def _values_of_interest(
    values: NDArray[np.float32],
    declared: tuple[float, float],
    padding: NDArray[np.bool_] | None,
    tags: Tags,
    counted: Counted,
) -> NDArray[np.float32]:
    """VOI LUT, first window, or what stands in for them (PS3.3 C.11.2)."""

    def of_film(every: int) -> NDArray[np.int64]:
        return counted(every) if padding is None else np.where(padding, 0, counted(every))

    shades = _said(values, declared, tags, of_film)
    if shades is not None:
        return shades
    # As a PNG of 8 bits is read: such films are meant to be shown as they are.
    if tags.header.BitsStored <= 8:
        return _between(values, *declared)
    low, high = (_percentile(values, of_film(ALL_ROWS), share) for share in (CUT, 100 - CUT))
    tags.say("no window in the file: the darkest and brightest 0.5 % were cut")
    return _between(values, low, high)


def _said(
    values: NDArray[np.float32], declared: tuple[float, float], tags: Tags, of_film: Counted
) -> NDArray[np.float32] | None:
    """By the table, or the first window that shows anything; `None` if there is none."""
    table = _table("VOILUTSequence", tags, signed=declared[0] < 0)
    if table is not None:
        shades = table.look_up(values) / np.float32(table.most)
        if _shows(shades, of_film):
            return shades
        tags.set_aside("VOILUTSequence")
    for number, (center, width) in enumerate(_windows(tags)):
        shades = window(values, center, width, _function(width, tags))
        if _shows(shades, of_film):
            if number:
                tags.say("the first window shows nothing of the film: the next that does was used")
            return shades
    if tags.numbers("WindowCenter") or tags.numbers("WindowWidth"):
        tags.set_aside("WindowCenter", "WindowWidth")
    return None


def _shows(shades: NDArray[np.float32], of_film: Counted) -> bool:
    """Whether a film of more than one value is more than black, or white, all over."""
    for every in (SOME_ROWS, ALL_ROWS):
        counts = of_film(every)
        plain = max(counts[shades < END].sum(), counts[shades > 1 - END].sum())
        if plain <= MOST_PLAIN * counts.sum():
            return True
    return bool(counts.max() > MOST_PLAIN * counts.sum())


def _percentile(values: NDArray[np.float32], counts: NDArray[np.int64], share: float) -> float:
    """NumPy's percentile of values that occur so often, without sorting a film."""
    order = np.argsort(values)
    below = counts[order].cumsum()
    place = (below[-1] - 1) * share / 100
    low, high = values[order[np.searchsorted(below, (np.floor(place), np.ceil(place)), "right")]]
    return float(low + (high - low) * (place % 1))


def _windows(tags: Tags) -> list[tuple[float, float]]:
    """Centre and width of each window that has both."""
    centers, widths = tags.numbers("WindowCenter"), tags.numbers("WindowWidth")
    whole = [pair for pair in zip(centers, widths, strict=False) if None not in pair]
    pairs = whole or [(tags.number("WindowCenter"), tags.number("WindowWidth"))]
    return [(c, w) for c, w in pairs if c is not None and w is not None and w > 0]


def _function(width: float, tags: Tags) -> str:
    function = tags.word("VOILUTFunction").replace(" ", "_") or "LINEAR"
    if function not in FUNCTIONS:
        tags.set_aside("VOILUTFunction")
        function = "LINEAR"
    if function == "LINEAR" and width < 1:
        tags.say("a LINEAR window below 1 is not allowed: it was read as LINEAR_EXACT")
        return "LINEAR_EXACT"
    return function


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
    if np.float32(high) <= np.float32(low):
        return (values > np.float32(low)).astype(np.float32)
    return ((values - np.float32(low)) / np.float32(high - low)).clip(0, 1)


def _padding(values: NDArray[np.int32], tags: Tags, counted: Counted) -> NDArray[np.bool_] | None:
    """Which values are no picture (PS3.3 C.7.5.1.1.2); `None` if the film has none of them."""
    value = tags.number("PixelPaddingValue")
    if value is None:
        return None
    limit = tags.number("PixelPaddingRangeLimit")
    ends = [value, value if limit is None else limit]
    low, high = sorted(_as_stored(int(end), tags) for end in ends)
    inside = (values >= low) & (values <= high)
    counts = counted(ALL_ROWS)
    covered = float(counts[inside].sum() / counts.sum())
    if covered > 1 - LEAST_FILM:
        tags.set_aside("PixelPaddingValue")
        return None
    return inside if covered else None


def _as_stored(value: int, tags: Tags) -> int:
    """A value of 16 bits read as stored values are, signed or not, whatever its tag's type."""
    value %= 1 << 16
    return value - (1 << 16) if tags.header.PixelRepresentation and value >= 1 << 15 else value
