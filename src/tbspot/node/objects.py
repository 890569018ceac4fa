"""Films as they come: a data set with what its sender says of it, apart from any file.

Takes the path of a DICOM file (PS3.10), or what came over the network; gives the film, and writes
it as such a file. Of the data set itself three UIDs are read here: a stranger may have made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset, read_partial
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import Tag
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from tbspot.errors import TbspotError
from tbspot.hospital import elements
from tbspot.hospital.uids import fault_of_uid
from tbspot.images.opening import open_regular, shown

__all__ = [
    "CLASSES", "SYNTAXES", "Sent", "UnfitError", "contradicts", "hash_of", "is_whole", "read_sent",
    "refuse_unfit", "sent_of", "study_of",
]  # fmt: skip

# What chest films come as (PS3.4 B.5).
CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
# What images/ decodes, the most faithful first; not the deflated ones, whose size nothing bounds.
SYNTAXES = (
    ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLosslessSV1, JPEGLossless, JPEGLSLossless,
    JPEG2000Lossless, HTJ2KLossless, HTJ2KLosslessRPCL, RLELossless, JPEG2000, HTJ2K,
    JPEGLSNearLossless, JPEGExtended12Bit, JPEGBaseline8Bit, ExplicitVRBigEndian,
)  # fmt: skip
PREAMBLE = b"\0" * 128 + b"DICM"
# Of the element that says how long the others of its group are.
GROUP_LENGTH = 12
# Bytes in which the file meta information ends.
HEAD = 1 << 16
# Of a data set, in which its class, instance (group 0008) and study (group 0020) stand.
UIDS_WITHIN = 1 << 20


class UnfitError(TbspotError):
    """What was sent is no film that the node takes, and will not be when it is sent again."""


@dataclass(frozen=True)
class Sent:
    """A film as it was sent.

    Attributes:
        instance: its SOP instance UID, as its sender says.
        kind: its SOP class UID.
        syntax: in which the data set is encoded.
        data: the data set.
    """

    instance: str
    kind: str
    syntax: str
    data: bytes | bytearray | memoryview

    @property
    def digest(self) -> str:
        """By which the same film is known when it comes again."""
        digest = hashlib.sha256(self.syntax.encode() + b"\0")
        digest.update(self.data)
        return digest.hexdigest()

    def write(self, file: BinaryIO) -> None:
        """Write it as a file of DICOM."""
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UID(self.kind)
        meta.MediaStorageSOPInstanceUID = UID(self.instance)
        meta.TransferSyntaxUID = UID(self.syntax)
        head = DicomBytesIO()
        write_file_meta_info(head, meta, enforce_standard=True)
        file.writelines((PREAMBLE, head.getvalue(), self.data))


def hash_of(instance: str) -> str:
    """By which a queue that names nobody knows an instance UID."""
    return hashlib.sha256(instance.encode()).hexdigest()


def read_sent(
    path: Path, most: int | None, *, name: str | None = None, within: int | None = None
) -> Sent:
    """Read a film from a file of DICOM, by its file meta information alone.

    Args:
        path: of the file; a link is refused.
        most: bytes that a film may have; `None` = it is the node's own, which was taken once,
            whatever is asked of new ones.
        name: what sentences call it; `None` = by its path.
        within: descriptor of the folder that `path` starts at; `None` = as the system has it.

    Raises:
        UnfitError: it is a film that is not to be taken.
        TbspotError: it is none, or not all of its file meta information is there.
    """
    name = name or shown(path)
    with open_regular(path, name, follow_links=False, within=within) as file:
        content = file.read(-1 if most is None else most + len(PREAMBLE) + HEAD)
    sent = sent_of(content, name)
    if most is not None:
        refuse_unfit(sent, most, name)
    return sent


def refuse_unfit(sent: Sent, most: int, name: str = "the film") -> None:
    """Refuse what the node could not keep, answer or take over again.

    Args:
        sent: what was sent.
        most: bytes that a film may have.
        name: what sentences call it.

    Raises:
        UnfitError: it is of another class, syntax or size, or names no instance.
    """
    if why := "; ".join(_faults(sent, most)):
        raise UnfitError(f"{name} {why}")


def sent_of(content: bytes | bytearray, name: str) -> Sent:
    """The same of a file's content, of whatever class, syntax and size.

    Raises:
        TbspotError: it is no file of DICOM.
    """
    if content[128:132] != b"DICM":
        raise TbspotError(f"{name} is no DICOM file; let the unit write DICOM (PS3.10)")
    try:
        # Of the data set nothing: it ends before its first element.
        meta: Any = read_partial(BytesIO(content[:HEAD]), lambda *_: True).file_meta
        start = len(PREAMBLE) + GROUP_LENGTH + int(meta.FileMetaInformationGroupLength)
        if start > len(content):
            raise EOFError("it ends within what it says of itself")
        return Sent(*_said(meta), data=memoryview(content)[start:])
    # What is broken may break its reader in any way.
    except Exception as error:
        raise TbspotError(f"{name} is a broken DICOM file; export it again") from error


def is_whole(sent: Sent) -> bool:
    """Whether a film has its pixels to their end: one that is still being written has not."""
    little = UID(sent.syntax).is_little_endian
    return elements.is_whole(BytesIO(sent.data), Tag("PixelData"), little=little)


def study_of(sent: Sent) -> str | None:
    """The study that a film says it is of, where its first mebibyte says so in good order.

    A web service may be asked to store films of one study alone (PS3.18 10.5.1).
    """
    return _uids_in(sent, "StudyInstanceUID").get("StudyInstanceUID")


def contradicts(sent: Sent) -> bool:
    """Whether a film says itself that it is of another class or instance than its sender says.

    Results would refer to one that the archive does not have, or to another film.
    """
    said = {"SOPClassUID": sent.kind, "SOPInstanceUID": sent.instance}
    return not _uids_in(sent, *said).items() <= said.items()


def _uids_in(sent: Sent, *keywords: str) -> dict[str, str]:
    """UIDs of a film by keyword, in ascending order of tags, without those that are not there.

    They are all that is looked for in a data set here.
    """
    syntax, tags = UID(sent.syntax), [Tag(keyword) for keyword in keywords]
    try:
        found = read_dataset(
            BytesIO(sent.data[:UIDS_WITHIN]),
            is_implicit_VR=syntax.is_implicit_VR,
            is_little_endian=syntax.is_little_endian,
            stop_when=lambda tag, *_: tag > tags[-1],
            specific_tags=list(tags),
        )
        return {keyword: str(found[keyword].value) for keyword in keywords if keyword in found}
    # What is broken may break its reader in any way.
    except Exception:
        return {}


def _said(meta: Any) -> tuple[str, str, str]:
    return (
        str(meta.MediaStorageSOPInstanceUID),
        str(meta.MediaStorageSOPClassUID),
        str(meta.TransferSyntaxUID),
    )


def _faults(sent: Sent, most: int) -> Iterator[str]:
    if sent.kind not in CLASSES:
        yield "is not stored as CR, DX or secondary capture; export it so"
    if sent.syntax not in SYNTAXES:
        yield "is encoded in a way that this node does not take; export it uncompressed"
    if not sent.instance:
        yield "does not name its instance; export it again"
    elif why := fault_of_uid(sent.instance):
        yield f"has an illegal SOP Instance UID ({why}); let the unit write legal ones"
    if len(sent.data) > most:
        yield f"has more than {most:,} bytes; export it smaller"
