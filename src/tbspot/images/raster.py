"""PNG, JPEG, TIFF, BMP, WebP and JPEG 2000 to one convention.

Takes an open file; gives a film, upright and grey. Telling the format is left to opening.py,
keeping a decoder's crash from the program to decoding.py, what Pillow narrows to tiff.py and
jpeg2000.py.
"""

from __future__ import annotations

import warnings
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from tbspot.errors import TbspotError, is_out_of_memory
from tbspot.images.depth import to_pixels, upright
from tbspot.images.film import Facts, Film, Kind
from tbspot.images.opening import check_size

__all__ = ["read_raster"]

# Pillow's modes for whole numbers of more than 8 bits.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")
# Of a PNG's colours of 16 bits Pillow keeps the high bytes; asked for the other order of bytes it
# keeps the low ones. Grey with transparency of 16 bits are four bytes, as RGBA of 8 bits are.
LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
GREY_AND_ALPHA = "LA;16B"
ORIENTATION = 274
TITLES = {"WEBP": "WebP", "JPEG2000": "JPEG 2000"}

Read = tuple[NDArray[np.float32], tuple[str, ...]]


def read_raster(file: BinaryIO, name: str, kind: Kind) -> Film:
    """Read one picture as `float32 [height, width]` in [0, 1].

    8-bit values are divided by 255; deeper ones by the most that the smallest even number of
    bits that holds them can say (65535, or 4095 for a 12-bit film kept in a 16-bit file); colour
    becomes luma (ITU-R 601); transparency is ignored; the EXIF orientation is applied.

    Raises:
        TbspotError: the file is broken, too large, of many pages, of floating point numbers, or
            of a kind that would be read wrongly.
        MemoryError: memory ran out, or the process's limit was reached.
    """
    try:
        with warnings.catch_warnings():
            # Between its warning and its error Pillow leaves the choice to us: our cap is lower.
            warnings.simplefilter("ignore")
            pixels, corrections = _read(file, name, kind)
    except (TbspotError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise TbspotError(f"{name} has far too many pixels for a film; remove it") from error
    # A broken file may break a decoder in any way; to the user it is a broken file.
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        raise TbspotError(
            f"{name} cannot be read as a {TITLES.get(kind, kind)} image; replace or remove it"
        ) from error
    return Film(pixels, Facts(kind, corrections=corrections))


def _read(file: BinaryIO, name: str, kind: Kind) -> Read:
    # Imported only where needed: training reads PNG by the thousand and these never.
    if kind == "TIFF":
        from tbspot.images.tiff import read_tiff

        found = read_tiff(file, name)
    elif kind == "JPEG2000":
        from tbspot.images.jpeg2000 import read_jpeg2000

        found = read_jpeg2000(file, name)
    else:
        found = None
    return found or _by_pillow(file, name, kind)


def _by_pillow(file: BinaryIO, name: str, kind: Kind) -> Read:
    file.seek(0)
    with Image.open(file, formats=[kind]) as image:
        _check(image, name)
        order = image.tile[0].args if kind == "PNG" and image.tile else None
        if order == GREY_AND_ALPHA or order in LOW_BYTES:
            return to_pixels(_sixteen_bits(file, image, str(order)))
        image.load()
        return _grey(ImageOps.exif_transpose(image))


def _check(image: Image.Image, name: str) -> None:
    check_size(image.width, image.height, name)
    # Further pictures of a JPEG are a camera's previews or depths of the first.
    pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if pages != 1:
        raise TbspotError(f"{name} holds {pages} pictures; save the film alone")
    if image.mode == "F":
        raise TbspotError(
            f"{name} holds floating point numbers without a known range; save it with 16 bits"
        )


def _grey(image: Image.Image) -> Read:
    if image.mode in DEEP_MODES:
        return to_pixels(np.asarray(image))
    colour = image.mode in ("RGB", "RGBA", "CMYK", "YCbCr", "LAB", "P", "PA")
    pixels = np.asarray(image.convert("L"), np.float32) / np.float32(255)
    return pixels, ("colour became grey",) if colour else ()


def _sixteen_bits(file: BinaryIO, image: ImageFile.ImageFile, order: str) -> NDArray[np.uint16]:
    """A PNG's colours `[h, w, 3]`, or grey `[h, w]`, with all their bits; upright."""
    if order == GREY_AND_ALPHA:
        both = _as(image, "RGBA")[..., :2]
        values = both[..., 0].astype(np.uint16) << 8 | both[..., 1]
    else:
        high = _as(image, order)[..., :3].astype(np.uint16)
        file.seek(0)
        with Image.open(file, formats=["PNG"]) as again:
            values = high << 8 | _as(again, LOW_BYTES[order])[..., :3]
    return upright(values, image.getexif().get(ORIENTATION, 1))


def _as(image: ImageFile.ImageFile, order: str) -> NDArray[np.uint8]:
    """The picture `[h, w, bytes]`, its bytes taken in that order."""
    image.tile = [tile._replace(args=order) for tile in image.tile]
    return np.asarray(image)
