"""How tests read one file: as tbspot does, in this process."""

from __future__ import annotations

from pathlib import Path

from tbspot.images import Film
from tbspot.images.dicom import read_dicom

__all__ = ["read_dicom_file"]


def read_dicom_file(path: Path, enough: int | None = None) -> Film:
    """A DICOM film, no finer than is enough."""
    with path.open("rb") as file:
        return read_dicom(file, path.name, enough)
