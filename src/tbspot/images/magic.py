"""What a file is, by its first bytes.

Takes the bytes a file starts with; gives one of the kinds that hold films, or what else it is and
what to do with it. Opening files and saying so is left to opening.py.
"""

from __future__ import annotations

import struct

from tbspot.images.film import Kind

__all__ = ["START", "kind_of", "other_of"]

# As many bytes as the farthest mark needs: NIfTI's, at 344.
START = 512

# Where a mark stands, the mark, and what it says.
KINDS: tuple[tuple[int, bytes, Kind], ...] = (
    (128, b"DICM", "DICOM"),
    # What was said to the unit that received it (PS3.7 6.3), kept before the data set.
    (0, b"\0\0\0\0\4\0\0\0", "DICOM"),
    (0, b"\0\0\0\0UL\4\0", "DICOM"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBPVP8", "WEBP"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (0, b"\xff\x4f\xff\x51\0", "JPEG2000"),
)
UNPACK = "unpack it first"
SAVE = "save it as PNG"
EXPORT = "export the film as DICOM or PNG"
OTHERS = (
    (0, b"\x1f\x8b", f"a gzip archive; {UNPACK}"),
    (0, b"PK\x03\x04", f"a zip archive; {UNPACK}"),
    (0, b"7z\xbc\xaf", f"a 7-Zip archive; {UNPACK}"),
    (0, b"Rar!\x1a\x07", f"a RAR archive; {UNPACK}"),
    (0, b"\xfd7zXZ\0", f"an xz archive; {UNPACK}"),
    (0, b"BZh", f"a bzip2 archive; {UNPACK}"),
    (0, b"\x28\xb5\x2f\xfd", f"a Zstandard archive; {UNPACK}"),
    (257, b"ustar", f"a tar archive; {UNPACK}"),
    (0, b"GIF8", f"a GIF picture; {SAVE}"),
    (4, b"ftypavi", f"an AVIF picture; {SAVE}"),
    (4, b"ftyphe", f"a HEIC picture; {SAVE}"),
    (4, b"ftypmif1", f"a HEIC picture; {SAVE}"),
    (4, b"ftypmsf1", f"a HEIC picture; {SAVE}"),
    (4, b"ftyp", "a video; save the picture as PNG"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", f"a JPEG XL picture; {SAVE}"),
    (0, b"\xff\x0a", f"a JPEG XL picture; {SAVE}"),
    (0, b"II\xbc", f"a JPEG XR picture; {SAVE}"),
    (0, b"8BPS", f"a Photoshop picture; {SAVE}"),
    (0, b"gimp xcf", f"a GIMP picture; {SAVE}"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture; save it as PNG with 16 bits"),
    (0, b"FLIF", f"a FLIF picture; {SAVE}"),
    (0, b"BPG\xfb", f"a BPG picture; {SAVE}"),
    (0, b"P2", f"a PGM picture; {SAVE}"),
    (0, b"P5", f"a PGM picture; {SAVE}"),
    (0, b"P3", f"a PPM picture; {SAVE}"),
    (0, b"P6", f"a PPM picture; {SAVE}"),
    (8, b"AVI ", "a video; save the picture as PNG"),
    (0, b"%PDF", f"a PDF; {EXPORT}"),
    (0, b"%!PS", f"a PostScript file; {EXPORT}"),
    (0, b"\xd0\xcf\x11\xe0", f"a document of Office; {EXPORT}"),
    (0, b"{\\rtf", f"a document; {EXPORT}"),
    (0, b"<svg", f"an SVG drawing; {SAVE}"),
    (0, b"<!DOCTYPE", f"a web page; {EXPORT}"),
    (0, b"<html", f"a web page; {EXPORT}"),
    (0, b"<?xml", f"an XML file; {EXPORT}"),
    (344, b"n+1\0", f"a NIfTI volume; {EXPORT}"),
    (0, b"\x5c\x01\0\0", f"a NIfTI or Analyze volume; {EXPORT}"),
    (0, b"NRRD0", f"an NRRD volume; {EXPORT}"),
    (0, b"ObjectType", f"a MetaImage volume; {EXPORT}"),
    (0, b"\x89HDF\r\n\x1a\n", f"an HDF5 file; {EXPORT}"),
    (0, b"SIMPLE  =", f"a FITS file; {EXPORT}"),
    (0, b"\x93NUMPY", f"an array of NumPy; {EXPORT}"),
    (0, b"MATLAB 5.0", f"a file of MATLAB; {EXPORT}"),
)  # fmt: skip

# Groups that a data set without preamble may open with (PS3.6): of files, of the directory, and
# of the object's identification, patient, acquisition, study and picture.
FIRST_GROUPS = (0x0002, 0x0004, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028)
# Representations (PS3.5 6.2) of elements that may come first.
REPRESENTATIONS = frozenset((
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"OB",
    b"OW", b"PN", b"SH", b"SL", b"SQ", b"SS", b"ST", b"TM", b"UC", b"UI", b"UL", b"UN", b"UR",
    b"US", b"UT",
))  # fmt: skip
LONG = (b"OB", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT")
UNDEFINED = 0xFFFFFFFF


def kind_of(start: bytes, size: int) -> Kind | None:
    """The kind of film that a file of `size` bytes starts as; `None` if of none."""
    for at, mark, kind in KINDS:
        if start.startswith(mark, at):
            return kind
    if start.startswith(b"BM") and start[6:10] == bytes(4):
        return "BMP"
    return "DICOM" if _opens_a_data_set(start, size) else None


def other_of(start: bytes) -> str | None:
    """What a file that holds no film is, and what to do with it; `None` if nobody knows."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for at, mark, what in OTHERS:
        if start.startswith(mark, at) or (mark[:1] == b"<" and text.startswith(mark)):
            return what
    return None


def _opens_a_data_set(start: bytes, size: int) -> bool:
    """Whether the bytes are an element of DICOM, in either order, with or without its type.

    A data set may come without preamble and file meta (PS3.10 7.1 wants both; many writers leave
    them out). Its first element has a low group and ends within the file.
    """
    return any(_element(start, order, size) for order in "<>")


def _element(start: bytes, order: str, size: int) -> bool:
    if len(start) < 12:
        return False
    group, _, length = struct.unpack_from(f"{order}HHI", start)
    if group not in FIRST_GROUPS:
        return False
    representation, at = start[4:6], 8
    if representation in LONG:
        (length,), at = struct.unpack_from(f"{order}I", start, 8), 12
    elif representation in REPRESENTATIONS:
        (length,) = struct.unpack_from(f"{order}H", start, 6)
    # Implicit data sets are little-endian (PS3.5 A.1).
    elif order == ">":
        return False
    return bool(length == UNDEFINED or (length % 2 == 0 and at + length < size))
