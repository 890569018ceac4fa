"""What a caller gives as a film: a path, an open file, bytes, an array of pixels or a picture.

Takes any of them; gives a film. Telling what a file is and decoding it is left to reading.py.
"""

from __future__ import annotations

import os
from operator import index
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tbspot.choices import yes_or_no
from tbspot.images.film import Facts, Film
from tbspot.images.opening import shown
from tbspot.images.reading import read_with_facts
from tbspot.images.reducing import shaded
from tbspot.pathnames import as_text
from tbspot.temporary import kept

__all__ = ["FilmSource", "content_of", "name_of", "pixels_in", "read_film"]


class ArrayLike(Protocol):
    """What numpy takes as an array, such as a tensor of torch on the CPU."""

    def __array__(self) -> NDArray[Any]:
        """The same numbers."""


FilmSource: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | NDArray[Any]
    | ArrayLike
    | Image.Image
)

UNNAMED = "film"


def name_of(source: FilmSource, name: str | None = None) -> str:
    """What a film is called: by its name, or where it was given none by its path, or `film`.

    Raises:
        TypeError: the name is no text.
        ValueError: the name or the path is empty.
    """
    if name is not None and not isinstance(name, str):
        raise TypeError(f"`name` is text, not {type(name).__name__}")
    if name == "":
        raise ValueError("`name` is empty; leave it out, and the film is called by its path")
    if isinstance(source, str) and not source:
        raise ValueError("the film's path is empty; give the path of a file")
    if name is not None:
        return as_text(name)
    return shown(Path(source)) if isinstance(source, (str, os.PathLike)) else UNNAMED


def read_film(
    source: FilmSource,
    value_range: tuple[float, float] | None = None,
    *,
    name: str | None = None,
    follow_links: bool = True,
    enough: int | None = None,
) -> Film:
    """Read a film: pixels `float32 [height, width]` in [0, 1], 0 = black = air, and its facts.

    Args:
        source: a path, an open binary file, the bytes of a file (DICOM, PNG, JPEG or TIFF), an
            array or tensor `[height, width]` of numbers, or a Pillow picture.
        value_range: of an array: the values that mean black and white, such as `(0, 4095)`, or
            `(4095, 0)` where it is inverted; values beyond them are cut. `None` = (0, 255) of
            uint8, as imaging libraries give it, and (0, 1) of floating point numbers.
        name: what sentences call the film; `None` = its path, or `film`.
        follow_links: whether a symbolic link stands for the file that it leads to.
        enough: pixels that are enough for either side; a film with twice as many or more may be
            reduced, and `Film.shape` keeps its size. `None` = the whole film.

    Raises:
        UnreadableFilmError: the file is absent, empty, broken, too large or not an image.
        TbspotError: there is no place for a temporary file, which bytes need; or `follow_links`
            is neither True nor False.
        ValueError: the array is no film: not two-dimensional, not finite, masked, or without a
            range; there is a range, and no array; the path or the name is empty; or `enough` is
            less than 1.
        TypeError: the source is none of these, the name no text, or `enough` no whole number.
    """
    name, enough = name_of(source, name), _least(enough)
    follow_links = yes_or_no("follow_links", follow_links)
    pixels = pixels_in(source)
    if pixels is not None:
        return Film(_display(pixels, value_range), Facts("array"))
    if value_range is not None:
        raise ValueError("value_range is of an array; what is black in a file is told by the file")
    if isinstance(source, (str, os.PathLike)):
        return read_with_facts(Path(source), follow_links=follow_links, name=name, enough=enough)
    content = content_of(source)
    with kept(content, name) as path:
        return read_with_facts(path, name=name, enough=enough)


def _least(enough: int | None) -> int | None:
    """Pixels that are enough, as Python's own number: another process is told of them."""
    if enough is None:
        return None
    try:
        number = index(enough)
    except TypeError as error:
        raise TypeError(f"`enough` is a whole number of pixels, not {enough!r}") from error
    if number < 1:
        raise ValueError(f"`enough` is a number of pixels from 1, not {number}")
    return number


def _ends(value_range: tuple[float, float] | None) -> tuple[float, float]:
    """The values that mean black and white.

    Raises:
        ValueError: they are not two different numbers.
    """
    try:
        black, white = (float(end) for end in ((0, 1) if value_range is None else value_range))
        span = white - black
    except (TypeError, ValueError, OverflowError):
        span = 0.0
    if not np.isfinite(span) or span == 0:
        raise ValueError(f"value_range {value_range} names no range; give two different numbers")
    return black, white


def pixels_in(source: object) -> NDArray[Any] | None:
    """The numbers of an array, a tensor or a Pillow picture, as they are; `None` of all else.

    A picture becomes grey as one in a file does, but is not turned: boxes are in its own pixels.
    """
    # A text of numpy is an array too.
    if isinstance(source, (np.ndarray, str, bytes)):
        return source if isinstance(source, np.ndarray) else None
    if isinstance(source, Image.Image):
        deep = source.mode.startswith(("I", "F"))  # which Pillow would cut off at 255
        return np.asarray(source if deep else source.convert("L"))
    return np.asarray(source) if hasattr(source, "__array__") else None


def content_of(source: FilmSource) -> bytes:
    """The bytes of a file that were given, or are read from an open one.

    Raises:
        TypeError: it is neither.
    """
    content = source.read() if hasattr(source, "read") else source
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeError(
            "a film is a path, an open binary file, the bytes of a file, an array or a Pillow "
            f"picture, not {type(source).__name__}"
        )
    return bytes(content)


def _display(values: NDArray[Any], value_range: tuple[float, float] | None) -> NDArray[np.float32]:
    """Numbers of any type in [0, 1]."""
    if np.ma.is_masked(values):
        raise ValueError(
            "the array is masked, and what a film shows under the mask is not known; fill the mask "
            "first, as by film.filled(value)"
        )
    values = np.asarray(values)
    if values.ndim != 2 or not values.size or values.dtype.kind not in "iuf":
        raise ValueError(
            "a film is an array [height, width] of numbers, one channel and no batch, not "
            f"{values.dtype} {values.shape}"
        )
    if value_range is None and values.dtype == np.uint8:
        value_range = (0, 255)
    if value_range is None and values.dtype.kind != "f":
        raise ValueError(
            f"an array of {values.dtype} needs its value_range, such as (0, 4095) for 12 bits"
        )
    black, white = _ends(value_range)
    span = white - black
    if not np.isfinite(values).all():
        raise ValueError("the array holds numbers that are not finite")
    if value_range is None and not 0 <= values.min() <= values.max() <= 1:
        raise ValueError("the array holds numbers beyond [0, 1]; give its value_range")

    def shade(strip: NDArray[Any]) -> NDArray[np.float32]:
        # float32 would round numbers of 32 bits before black is taken off.
        with np.errstate(over="ignore"):
            shares: NDArray[np.float64] = (strip.astype(np.float64) - black) / span
        return shares.clip(0, 1).astype(np.float32)

    return shaded(values, shade)
