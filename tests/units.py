"""X-ray units, archives and a node on this machine's own loopback, for the tests of the node."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pynetdicom
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import evt

from dicoms import header
from engines import bright_engine
from tbspot.drawings import draw_film
from tbspot.hospital.connections import Entity
from tbspot.locating import LocateSettings, Model

__all__ = ["Archive", "archive", "bright_model", "send", "study_film", "wait_for"]

# UIDs as OIDs of tests; numbers of films and studies follow.
ROOT = "1.2.826.0.1.3680043.8.498.7"


def bright_model() -> Model:
    """A model whose net is the film's own brightness."""
    return Model(bright_engine(), LocateSettings(gate=False))


def study_film(folder: Path, number: int = 1, side: int = 96, **tags: Any) -> Path:
    """A drawn film of a study of its own, as DX."""
    pixels = draw_film("tb", side, (number,)).pixels
    known = {"SOPInstanceUID": f"{ROOT}.1.{number}", "StudyInstanceUID": f"{ROOT}.2.{number}",
             "SeriesInstanceUID": f"{ROOT}.3.{number}", "StudyDate": "20240229",
             "AccessionNumber": f"ACC-{number}", "Manufacturer": "MAKER",
             "PatientOrientation": ["L", "F"]}  # fmt: skip
    film = header(pixels, **(known | tags))
    film.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
    film["PixelData"].VR = "OB"
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.dcm"
    film.save_as(path, enforce_file_format=True)
    return path


def send(port: int, *films: Path | Dataset, title: str = "UNIT", called: str = "TBSPOT",
         **options: Any) -> list[int | None]:  # fmt: skip
    """Send films as a unit does; gives each status, `None` where there is no answer."""
    datasets = [dcmread(film) if isinstance(film, Path) else film for film in films]
    entity = Entity(title, 60)
    for one in datasets:
        entity.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title=called, **options)
    statuses: list[int | None] = []
    for one in datasets:
        try:
            statuses.append(association.send_c_store(one).get("Status"))
        except (RuntimeError, ValueError):
            statuses.append(None)
    if association.is_established:
        association.release()
    return statuses


@dataclass
class Archive:
    """What an archive was sent.

    Attributes:
        address: `AE@HOST:PORT`.
        stored: how often it stored each instance.
        objects: the last of each.
    """

    address: str
    stored: Counter[str] = field(default_factory=Counter)
    objects: dict[str, Dataset] = field(default_factory=dict)


@contextmanager
def archive(
    answer: Callable[[Any], int] = lambda _: 0, port: int = 0, title: str = "ARCHIVE"
) -> Iterator[Archive]:
    """An archive whose answers to C-STORE are `answer`'s."""
    entity = pynetdicom.AE(ae_title=title)
    entity.supported_contexts = pynetdicom.StoragePresentationContexts
    entity.add_supported_context("1.2.840.10008.1.1")
    kept = Archive("")
    lock = threading.Lock()

    def store(event: Any) -> int:
        status = answer(event)
        if status == 0:
            with lock:
                kept.stored[event.request.AffectedSOPInstanceUID] += 1
                kept.objects[event.request.AffectedSOPInstanceUID] = made = event.dataset
                made.file_meta = event.file_meta
        return status

    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    kept.address = f"{title}@127.0.0.1:{server.server_address[1]}"
    try:
        yield kept
    finally:
        entity.shutdown()


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """What a condition gives once it holds."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it does not come to pass"
        time.sleep(0.01)
    return found
