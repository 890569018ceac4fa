"""PNG, JPEG and TIFF to one convention.

Takes an open file; gives a film, upright and grey. Telling the format is left to opening.py,
keeping a decoder's crash from the program to decoding.py.
"""

from __future__ import annotations

import warnings
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tbspot.errors import TbspotError, is_out_of_memory
from tbspot.images.film import Facts, Film
from tbspot.images.opening import check_size

__all__ = ["read_raster"]

# Pillow's modes for whole numbers of more than 8 bits.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")
TIFF_PHOTOMETRIC = 262
WHITE_IS_ZERO = 0


def read_raster(file: BinaryIO, name: str, kind: Literal["PNG", "JPEG", "TIFF"]) -> Film:
    """Read one picture as `float32 [height, width]` in [0, 1].

    8-bit values are divided by 255; deeper ones by the most that the smallest even number of
    bits that holds them can say (65535, or 4095 for a 12-bit film kept in a 16-bit file); colour
    becomes luma (ITU-R 601); transparency is ignored; the EXIF orientation is applied.

    Raises:
        TbspotError: the file is broken, too large, of many pages or of floating point numbers.
        MemoryError: memory ran out, or the process's limit was reached.
    """
    try:
        with warnings.catch_warnings():
            # Between its warning and its error Pillow leaves the choice to us: our cap is lower.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=[kind]) as image:
                _check(image, name)
                image.load()
                pixels, corrections = _grey(ImageOps.exif_transpose(image))
                # Pillow inverts a TIFF whose zero is white only if it has 8 bits or fewer.
                if image.mode in DEEP_MODES and _white_is_zero(image):
                    pixels = 1 - pixels
    except TbspotError:
        raise
    except Image.DecompressionBombError as error:
        raise TbspotError(f"{name} has far too many pixels for a film; remove it") from error
    # A broken file may break a decoder in any way; to the user it is a broken file.
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        raise TbspotError(
            f"{name} cannot be read as a {kind} image; replace or remove it"
        ) from error
    return Film(pixels, Facts(kind, corrections=corrections))


def _check(image: Image.Image, name: str) -> None:
    check_size(image.width, image.height, name)
    pages = getattr(image, "n_frames", 1)
    if pages != 1:
        raise TbspotError(f"{name} holds {pages} pictures; save the film alone")
    if image.mode == "F":
        raise TbspotError(
            f"{name} holds floating point numbers without a known range; save it with 16 bits"
        )


def _grey(image: Image.Image) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    if image.mode not in DEEP_MODES:
        colour = image.mode in ("RGB", "RGBA", "CMYK", "YCbCr", "LAB", "P", "PA")
        pixels = np.asarray(image.convert("L"), np.float32) / np.float32(255)
        return pixels, ("colour became grey",) if colour else ()
    values = np.asarray(image).clip(0, 65535)
    bits = max(8, int(values.max()).bit_length())
    bits += bits % 2
    pixels = values.astype(np.float32) / np.float32(2**bits - 1)
    return pixels, () if bits == 16 else (f"read as {bits} bits, which hold all its values",)


def _white_is_zero(image: Image.Image) -> bool:
    return bool(getattr(image, "tag_v2", {}).get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO)
