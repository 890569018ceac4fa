"""What run.json says of a folder of predictions: of which films, and how they were read.

Takes a folder; gives the record. Writing it is left to files.py, finding the films to viewer/.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from tbspot.errors import TbspotError
from tbspot.lock import RUN_FILE
from tbspot.parsing import read_json

__all__ = ["DICOM", "LocateRun", "RunSettings", "read_run"]

# The folder of a run's results as DICOM.
DICOM = "dicom"


class RunSettings(BaseModel):
    """Those of `LocateSettings` that say where films are and how they were read."""

    films: tuple[str, ...]
    gate: bool = True
    follow_links: bool = False


class LocateRun(BaseModel):
    """The part of run.json that tells of films.

    Attributes:
        settings: of the run.
        called_in: folder that its paths are relative to.
    """

    settings: RunSettings
    called_in: Path


def read_run(folder: Path) -> LocateRun | None:
    """The record of a run's folder; `None` where there is none, or it is another command's."""
    try:
        return read_json(folder / RUN_FILE, LocateRun, "a run of tbspot locate")
    except TbspotError:
        return None
