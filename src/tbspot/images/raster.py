"""PNG, JPEG, TIFF, BMP, WebP and JPEG 2000 to one convention.

Takes an open file; gives a film, upright and grey. Telling the format is left to opening.py,
keeping a decoder's crash from the program to decoding.py, what Pillow narrows to tiff.py and
jpeg2000.py.
"""

from __future__ import annotations

import io
import warnings
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from tbspot.errors import TbspotError, is_out_of_memory, refuse_unread
from tbspot.images.codestream import check_whole, jpeg_alone, rare_jpeg, with_end
from tbspot.images.depth import SIDEWAYS, to_pixels, upright
from tbspot.images.film import Facts, Film, Kind
from tbspot.images.opening import check_size
from tbspot.images.png import check_chunks, check_rows, picture_alone
from tbspot.images.reducing import factor_for, shaded

__all__ = ["on_its_side", "read_raster"]

# Pillow's modes for whole numbers of more than 8 bits.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")
# Of a PNG's colours of 16 bits Pillow keeps the high bytes; asked for the other order of bytes it
# keeps the low ones. Grey with transparency of 16 bits are four bytes, as RGBA of 8 bits are.
LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
GREY_AND_ALPHA = "LA;16B"
# What Pillow calls the kinds of picture whose colours are weighed.
COLOURS = ("RGB", "RGBA", "CMYK", "YCbCr", "P", "PA")
ORIENTATION = 274
# Texts in which Pillow looks for an orientation too.
TEXTS = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")
# Pixels a side that JPEG can leave out all but one of.
LARGEST_CELL = 8
# Bytes in which a JPEG names its kind, behind profiles and thumbnails.
MOST_OF_HEADER = 2**20
TITLES = {"WEBP": "WebP", "JPEG2000": "JPEG 2000"}

# Pixels, and what was done beyond reading them.
Read = tuple[NDArray[np.float32], tuple[str, ...]]


def read_raster(file: BinaryIO, name: str, kind: Kind, enough: int | None = None) -> Film:
    """Read one picture as `float32 [height, width]` in [0, 1].

    8-bit values are divided by 255; deeper ones by the most that the smallest even number of
    bits that holds them can say (65535, or 4095 for a 12-bit film kept in a 16-bit file); colour
    becomes luma (ITU-R 601); transparency is ignored; the EXIF orientation is applied.

    Args:
        file: open for reading.
        name: what sentences call it.
        kind: of file.
        enough: pixels that are enough for either side: the film may be reduced to that by a whole
            factor, a JPEG already in decoding. `None` = the whole film.

    Raises:
        TbspotError: the file is broken, too large, of many pages, of floating point numbers, or
            of a kind that would be read wrongly.
        MemoryError: memory ran out, or the process's limit was reached.
    """
    try:
        with warnings.catch_warnings():
            # Between its warning and its error Pillow leaves the choice to us: our cap is lower.
            warnings.simplefilter("ignore")
            return _read(file, name, kind, enough)
    except (TbspotError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise TbspotError(f"{name} has far too many pixels for a film; remove it") from error
    # A broken file may break a decoder in any way; to the user it is a broken file.
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        refuse_unread(error, name)
        raise _unreadable(file, name, kind) from error


def _unreadable(file: BinaryIO, name: str, kind: Kind) -> TbspotError:
    file.seek(0)
    rare = rare_jpeg(file.read(MOST_OF_HEADER)) if kind == "JPEG" else None
    if rare:
        return TbspotError(
            f"{name} is a JPEG that few programs read ({rare}); save it as PNG with 16 bits, or "
            "export the film as DICOM"
        )
    return TbspotError(
        f"{name} cannot be read as a {TITLES.get(kind, kind)} image; replace or remove it"
    )


def _read(file: BinaryIO, name: str, kind: Kind, enough: int | None) -> Film:
    # Imported only where needed: training reads PNG by the thousand and these never.
    if kind == "TIFF":
        from tbspot.images.tiff import read_tiff

        found = read_tiff(file, name)
    elif kind == "JPEG2000":
        from tbspot.images.jpeg2000 import read_jpeg2000

        content = file.read()
        check_whole(content)
        file = io.BytesIO(with_end(content))
        found = read_jpeg2000(file, name)
    else:
        found = None
    if found is None:
        return _by_pillow(file, name, kind, enough)
    pixels, said = found
    height, width = pixels.shape
    smaller = shaded(pixels, lambda strip: strip, factor_for(height, width, enough))
    return _film(smaller, said, kind, (height, width))


def _by_pillow(file: BinaryIO, name: str, kind: Kind, enough: int | None) -> Film:
    if kind == "PNG":
        check_chunks(file)
        file = picture_alone(file)
    if kind == "JPEG":
        file = _whole_jpeg(file)
    file.seek(0)
    with Image.open(file, formats=[kind]) as image:
        _check(image, name)
        height, width = image.height, image.width
        factor = factor_for(height, width, enough)
        order = image.tile[0].args if kind == "PNG" and image.tile else None
        if order == GREY_AND_ALPHA or order in LOW_BYTES:
            pixels, said = to_pixels(_sixteen_bits(file, image, str(order)), factor)
            turned = on_its_side(image)
        else:
            colour = image.mode in COLOURS
            _draft(image, factor)
            image.load()
            _check_last_row(file, image)
            turned = on_its_side(image)
            _turn(image)
            pixels, said = _grey(image, enough)
            said = ("colour became grey",) if colour else said
        return _film(pixels, said, kind, (width, height) if turned else (height, width))


def _whole_jpeg(file: BinaryIO) -> BinaryIO:
    """The picture of a JPEG alone.

    Raises:
        ValueError: its end was overwritten with noughts, which libjpeg takes for picture.
    """
    content = file.read()
    if content.endswith(bytes(3)):
        check_whole(content)
    return io.BytesIO(jpeg_alone(content))


def _check_last_row(file: BinaryIO, image: Image.Image) -> None:
    """Count the rows of a PNG where some may be missing: Pillow leaves those black.

    Raises:
        ValueError: some are.
    """
    if image.format != "PNG":
        return
    last = image.crop((0, image.height - 1, image.width, image.height))
    if image.info.get("interlace") or not np.asarray(last).any():
        check_rows(file)


def on_its_side(image: Image.Image) -> bool:
    """Whether height and width are swapped when it is seen upright; decodes a PNG."""
    return _orientation(image) in SIDEWAYS


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where it says none or cannot be read. Decodes a PNG.

    Pillow takes that of a text where EXIF says none; other programs turn nothing for that.
    """
    if image.format == "PNG" and "exif" not in image.info:
        image.load()  # both may stand behind the picture
    for text in TEXTS:
        image.info.pop(text, None)
    try:
        number = image.getexif().get(ORIENTATION, 1)
    except MemoryError:
        raise
    # EXIF may be broken in any way, which costs no film.
    except Exception:
        return 1
    return int(number) if number in range(1, 9) else 1


def _turn(image: Image.Image) -> None:
    """Turn a picture as EXIF says, in place, or a film of 64 megapixels would be there twice."""
    if _orientation(image) != 1:
        # Pillow would write the rest of it anew, and cannot where it is odd.
        image.info.pop("exif", None)
        ImageOps.exif_transpose(image, in_place=True)


def _film(
    pixels: NDArray[np.float32], said: tuple[str, ...], kind: Kind, whole: tuple[int, int]
) -> Film:
    reduced_from = None if pixels.shape == whole else whole
    return Film(pixels, Facts(kind, corrections=said), reduced_from)


def _draft(image: ImageFile.ImageFile, factor: int) -> None:
    """Have a JPEG decoded smaller, by no more than a factor; its luma is all that is wanted.

    Its last cells reach beyond the picture. Where they would come first when it is turned, all
    would lie a part of a cell aside, and it is decoded whole.
    """
    if image.format != "JPEG" or image.mode not in ("L", "RGB"):
        return
    whole_cells = image.width % LARGEST_CELL == image.height % LARGEST_CELL == 0
    if factor > 1 and (whole_cells or _orientation(image) == 1):
        image.draft("L", (image.width // factor, image.height // factor))


def _check(image: Image.Image, name: str) -> None:
    check_size(image.width, image.height, name)
    # Those of a TIFF that are no previews were counted (tiff.py).
    pages = 1 if image.format == "TIFF" else getattr(image, "n_frames", 1)
    if pages != 1:
        raise TbspotError(f"{name} holds {pages} pictures; save the film alone")
    if image.mode == "F":
        raise TbspotError(
            f"{name} holds floating point numbers without a known range; save it with 16 bits"
        )


def _grey(image: Image.Image, enough: int | None) -> Read:
    factor = factor_for(image.height, image.width, enough)
    if image.mode == "I;16":
        return to_pixels(_Deep(image), factor)
    if image.mode in DEEP_MODES:
        return to_pixels(np.asarray(image), factor)
    levels = _Rows(image.convert("L"))
    return shaded(levels, lambda strip: strip.astype(np.float32) / np.float32(255), factor), ()


class _Rows:
    """A grey picture whose rows are copied when they are asked for, not all at once."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self.shape = (image.height, image.width)

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        first, end, _ = rows.indices(self._image.height)
        return np.asarray(self._image.crop((0, first, self._image.width, end)))


class _Deep(_Rows):
    """The same of 16 bits."""

    dtype: np.dtype[Any] = np.dtype(np.uint16)
    ndim = 2

    def min(self) -> Any:
        return self._image.getextrema()[0]

    def max(self) -> Any:
        return self._image.getextrema()[1]


def _sixteen_bits(file: BinaryIO, image: ImageFile.ImageFile, order: str) -> NDArray[np.uint16]:
    """A PNG's colours `[h, w, 3]`, or grey `[h, w]`, with all their bits; upright."""
    if order == GREY_AND_ALPHA:
        both = _as(image, "RGBA")[..., :2]
        _check_last_row(file, image)
        values = both[..., 0].astype(np.uint16) << 8 | both[..., 1]
    else:
        high = _as(image, order)[..., :3].astype(np.uint16)
        _check_last_row(file, image)
        file.seek(0)
        with Image.open(file, formats=["PNG"]) as again:
            values = high << 8 | _as(again, LOW_BYTES[order])[..., :3]
    return upright(values, _orientation(image))


def _as(image: ImageFile.ImageFile, order: str) -> NDArray[np.uint8]:
    """The picture `[h, w, bytes]`, its bytes taken in that order."""
    image.tile = [tile._replace(args=order) for tile in image.tile]
    return np.asarray(image)
