"""Files of results as DICOM, read to be sent: whole ones alone.

Takes a path; gives the object, or nothing where the file was cut off or is gone. pydicom reads a
file that was cut off as if it were whole.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ComprehensiveSRStorage

from tbspot.hospital.elements import data_set_of, is_whole
from tbspot.parsing import open_file

__all__ = ["read_result"]


def read_result(path: Path) -> Dataset | None:
    """A result, or `None` if its file is not there, not whole, or no result.

    Raises:
        OSError: it is there, and cannot be read now.
    """
    try:
        with open_file(path, sys.maxsize) as file:
            result = dcmread(file)
            is_one = result.SOPInstanceUID and _is_whole(file, result.SOPClassUID)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno is None:  # of its reader
            return None
        raise
    # What was cut off may break its reader in any way.
    except Exception:
        return None
    return result if is_one else None


def _is_whole(file: BinaryIO, kind: str) -> bool:
    """Whether a result's file has the last element of its class to its end."""
    last = "ContentSequence" if kind == ComprehensiveSRStorage else "PixelData"
    file.seek(0)
    opened, little = data_set_of(file)
    return is_whole(opened, Tag(last), little=little)
