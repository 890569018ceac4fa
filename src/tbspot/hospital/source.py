"""What a result takes over from its film: whose it is, of which study, and what it refers to.

Takes the path of a DICOM film; gives identifiers and references, each checked, and nothing else of
the file. This is the only module that reads identifiers; which text is valid is left to text.py,
the pixels to images/.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import UID, SecondaryCaptureImageStorage

from tbspot.errors import TbspotError, refuse_unread
from tbspot.hospital.elements import WAYS, data_set_of, tags_of
from tbspot.hospital.text import text_of
from tbspot.hospital.uids import fault_of_uid
from tbspot.images.facts import PIXEL_SHAPES, pixel_aspect
from tbspot.images.opening import check_same, open_regular, seen_in, shown, sniff

__all__ = ["UTF_8", "Source", "maker_of", "read_identifiers", "read_source"]

UTF_8 = "ISO_IR 192"
# Patient and General Study modules (PS3.3 C.7.1.1 and C.7.2.1): of type 2, empty where unknown.
REQUIRED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
OPTIONAL = ("IssuerOfPatientID", "StudyDescription")
# Who the patient is: half of a number, or another's, is worse than no result.
EXACT = ("PatientID", "IssuerOfPatientID")
REFERENCES = {
    "StudyInstanceUID": "study", "SeriesInstanceUID": "series", "SOPInstanceUID": "instance",
    "SOPClassUID": "class of object",
}  # fmt: skip
PICTURE = ("Rows", "Columns", "Modality", "PatientOrientation")
# One letter of each axis at most.
DIRECTION = re.compile(r"(?!.*[AP].*[AP]|.*[RL].*[RL]|.*[HF].*[HF])[APRLHF]+")
# No equipment has pixels that are longer one way.
MOST_ASPECT = 5.0
TAGS = ("SpecificCharacterSet", *REQUIRED, *OPTIONAL, *REFERENCES, *PICTURE, *PIXEL_SHAPES)
MAKER_TAGS = ("Manufacturer",)
# What says whose a film is, of which study, and by which letters.
WHOSE = ("SpecificCharacterSet", *REQUIRED, "IssuerOfPatientID", *REFERENCES)
# Which are taken as the picture was read that is shown and judged: of two, the last.
OF_PIXELS = ("Rows", "Columns", *PIXEL_SHAPES)
# Float, double or whole numbers: at the first of them the reader of tags stops.
PIXELS = frozenset(map(Tag, ("FloatPixelData", "DoubleFloatPixelData", "PixelData")))

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, eq=False)
class Source:
    """What results of a film are made with.

    Attributes:
        name: of the film, as sentences may hold it.
        identifiers: the patient's and the study's text in UTF-8, each value valid or empty.
        reference: UIDs, size, modality and orientation, and no text of a person's. Its class is
            that of a secondary capture, whatever the film's is: highdicom asks for frames, axes
            or refuses by the class, and a film is one frame without any.
        stored_as: the film's own class, to be named in references.
        pixel_ratio: height of a pixel divided by its width; 1 where the film does not say.
    """

    name: str
    identifiers: Dataset
    reference: Dataset
    stored_as: UID
    pixel_ratio: float = 1.0


def read_source(path: Path, sha256: str | None = None, *, follow_links: bool = False) -> Source:
    """Read what results take over from a film.

    Private tags and all others are left where they are. Text is decoded by the film's character
    set; what only describes (a name, a date) and cannot be read, or may not stand there by the
    standard (PS3.5 6.2), is left empty.

    Args:
        path: of a DICOM film that has been read already (images/), so that a file made to harm
            its reader has been refused.
        sha256: of the bytes that were located, which are to be these; `None` = not known.
        follow_links: whether a symbolic link stands for the film that it leads to.

    Raises:
        TbspotError: not DICOM, broken, without the UIDs by which an archive keeps a result beside
            its film, or with a patient's number that cannot be copied exactly; or it is not the
            film that was located.
    """
    name = shown(path)
    with _header(path, name, TAGS, sha256, follow_links=follow_links) as header:
        identifiers, reference = _identifiers(header, name), _reference(header, name)
        pixel_ratio = pixel_aspect(header, MOST_ASPECT)
    stored_as = reference.SOPClassUID
    reference.SOPClassUID = SecondaryCaptureImageStorage
    return Source(name, identifiers, reference, stored_as, pixel_ratio)


def read_identifiers(path: Path) -> Dataset:
    """A film's identifiers alone, of which each may be empty, as `Source` has them.

    Args:
        path: of a DICOM film that has been read already (images/).

    Raises:
        TbspotError: not DICOM, broken, or with a patient's number that cannot be copied exactly.
    """
    name = shown(path)
    with _header(path, name, TAGS, follow_links=False) as header:
        return _identifiers(header, name)


@contextmanager
def _header(
    path: Path,
    name: str,
    keywords: Sequence[str],
    sha256: str | None = None,
    *,
    follow_links: bool,
) -> Iterator[Dataset]:
    """Some tags of a film's header, taken in silence; what stands there twice is not among them."""
    with open_regular(path, name, follow_links=follow_links) as file:
        if (kind := sniff(file, name)) != "DICOM":
            raise TbspotError(f"{name} is a {kind} file; only a DICOM film has results as DICOM")
        if sha256 is not None:
            check_same(name, seen_in(file, name), sha256)
        with _silence():
            try:
                unsure, mixed = _misplaced(file, keywords)
                _refuse_whose(unsure, name)
                file.seek(0)
                config.assume_implicit_vr_switch = mixed
                header = dcmread(
                    file, force=True, stop_before_pixels=True, specific_tags=[*keywords]
                )
                for keyword in unsure:
                    header.pop(keyword, None)
                yield header
            except TbspotError:
                raise
            # A broken file may break the reader in any way; to the user it is a broken file.
            except Exception as error:
                refuse_unread(error, name)
                raise TbspotError(f"{name} is a broken DICOM file; export it again") from error


def _misplaced(file: BinaryIO, keywords: Sequence[str]) -> tuple[set[str], bool]:
    """Tags that come twice or out of their order, where one reader finds what others do not.

    Of a tag that comes twice pydicom takes the last and dcmtk the first; one behind the pixels is
    there for who reads on. The order is that of `WHOSE` and the pixels: what stands wrong and
    is not asked for moves nothing.

    Returns:
        Keywords, and which of `WAYS` leads to the pixels.

    Raises:
        ValueError: what comes before the pixels cannot be walked. Behind them may be anything.
    """
    wanted = {int(Tag(one)): one for one in keywords if one not in OF_PIXELS}
    opened, little = data_set_of(file)
    start = opened.tell()
    for mixed in WAYS:
        opened.seek(start)
        found: set[int] = set()
        wrong: set[str] = set()
        highest = -1
        with suppress(ValueError):
            for tag in tags_of(opened, little=little, mixed=mixed):
                keyword = wanted.get(tag, "")
                if keyword and (tag in found or tag < highest):
                    wrong.add(keyword)
                found.add(tag)
                if keyword in WHOSE or tag in PIXELS:
                    highest = max(highest, tag)
        if found & PIXELS:
            return wrong, mixed
    raise ValueError("there is no way to the pixels")


def _refuse_whose(unsure: set[str], name: str) -> None:
    """Refuse a film of which it is not sure whose it is.

    Raises:
        TbspotError: a tag of `WHOSE` is among those that come twice or in a wrong place.
    """
    for keyword in WHOSE:
        if keyword in unsure:
            raise TbspotError(
                f"{name} has its {keyword} twice or in a wrong place, so its result could come to "
                "another patient; mend it in the archive and export the film again"
            )


def maker_of(path: Path) -> str:
    """Who made the equipment that an object comes from, as it says itself; empty if it does not.

    Args:
        path: of a DICOM film that has been read already (images/).
    """
    try:
        with _header(path, shown(path), MAKER_TAGS, follow_links=False) as header:
            return text_of(header, *MAKER_TAGS) or ""
    # What is wrong with the file is told where its identifiers are read.
    except TbspotError:
        return ""


@contextmanager
def _silence() -> Iterator[None]:
    """No warnings and no log of pydicom's, which repeat what tags hold."""
    log = logging.getLogger("pydicom")
    # Filters of warnings, logs and ways of reading are the whole process's.
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, log.disabled = log.disabled, True
        switch = config.assume_implicit_vr_switch
        try:
            yield
        finally:
            log.disabled, config.assume_implicit_vr_switch = before, switch


def _identifiers(header: Dataset, name: str) -> Dataset:
    identifiers = Dataset()
    identifiers.SpecificCharacterSet = UTF_8
    for keyword in (*REQUIRED, *OPTIONAL):
        text = text_of(header, keyword)
        if text is None and keyword in EXACT:
            raise TbspotError(
                f"{name} has a {keyword} that cannot be copied exactly, so its result could come "
                "to another patient; mend it in the archive and export the film again"
            )
        if text or keyword in REQUIRED:
            setattr(identifiers, keyword, text or "")
    return identifiers


def _reference(header: Dataset, name: str) -> Dataset:
    reference = Dataset()
    for keyword, what in REFERENCES.items():
        value = header.get(keyword)
        uid = UID(value.strip(" \0")) if isinstance(value, str) else UID("")
        if why := fault_of_uid(uid):
            absent = f"does not name its {what} ({keyword})"
            fault = f"has an illegal {keyword} ({why})" if uid else absent
            raise TbspotError(
                f"{name} {fault}, so no archive could keep a result beside it; "
                "mend it in the archive and export the film again"
            )
        setattr(reference, keyword, uid)
    # dcmtk, for one, reads no report on an object of a class that it does not know.
    if (stored_as := reference.SOPClassUID).type != "SOP Class" or stored_as.is_retired:
        raise TbspotError(
            f"{name} is stored as a class of object that the standard has no longer or never had; "
            "export it as CR, DX or secondary capture"
        )
    reference.Rows, reference.Columns = int(header.Rows), int(header.Columns)
    modality = text_of(header, "Modality")
    # PS3.3 C.7.3.1.1.1: other.
    reference.Modality = modality or "OT"
    reference.PatientOrientation = _orientation(header)
    for keyword in REQUIRED:
        setattr(reference, keyword, "")
    return reference


def _orientation(header: Dataset) -> list[str]:
    """Of the picture's rows and columns (PS3.3 C.7.6.1.1.1), or nothing if it is none."""
    value = header.get("PatientOrientation")
    if not isinstance(value, MultiValue) or len(value) != 2:
        return []
    directions = [str(direction) for direction in value]
    return directions if all(DIRECTION.fullmatch(each) for each in directions) else []
