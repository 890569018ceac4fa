"""Files of results as DICOM, read to be sent: whole ones alone.

Takes a path; gives the object, or nothing where the file was cut off or is gone. pydicom reads a
file that was cut off as if it were whole.
"""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage

__all__ = ["read_result"]


def read_result(path: Path) -> Dataset | None:
    """A result, or `None` if its file is not there, not whole, or no result."""
    try:
        result = dcmread(path)
        return result if _is_whole(result) else None
    # What was cut off may break its reader in any way.
    except Exception:
        return None


def _is_whole(result: Dataset) -> bool:
    """Whether the last element of its class is there, with as many bytes as it says."""
    last = "ContentSequence" if result.SOPClassUID == ComprehensiveSRStorage else "PixelData"
    # Not decoded yet, so that both lengths are those of the file.
    element = result.get_item(last)
    if not result.SOPInstanceUID or element is None:
        return False
    if isinstance(element, RawDataElement):
        return element.length == len(element.value or b"")
    # A sequence that names no length has been read to its end.
    return True
