"""DICOM files to read: made from arrays, each syntax by a library other than the one that reads it.

Gives functions; nothing here knows how tbspot reads.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

PLANTED = "PLANTED^NAME"

WriteDicom = Callable[..., Path]


def header(values: NDArray[Any], **tags: Any) -> Dataset:
    """A DX header that fits `values`, `[rows, columns]` or `[rows, columns, 3]`."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.Modality = "DX"
    dataset.PatientName = PLANTED
    dataset.PatientID = "PLANTED-ID"
    dataset.InstitutionName = "PLANTED HOSPITAL"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 1 if values.ndim == 2 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if values.ndim == 2 else "RGB"
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = values.dtype.itemsize * 8
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.HighBit = tags.get("HighBit", dataset.BitsStored - 1)
    return dataset


@pytest.fixture
def write_dicom(tmp_path: Path) -> WriteDicom:
    """Write values, or an encoded frame, with a header, and give the path."""

    def write(
        values: NDArray[Any],
        *,
        name: str = "film.dcm",
        syntax: str = ExplicitVRLittleEndian,
        frame: bytes | None = None,
        **tags: Any,
    ) -> Path:
        dataset = header(values, **tags)
        if frame is None:
            content = values.astype(values.dtype.newbyteorder(">")) if "2.2" in syntax[-4:] else (
                values
            )  # fmt: skip
            dataset.PixelData = content.tobytes()
        else:
            dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB" if frame or dataset.BitsAllocated == 8 else "OW"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        path = tmp_path / name
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def write_jpeg_dicom(write_dicom: WriteDicom) -> Callable[[NDArray[np.uint8]], Path]:
    """Write a film as JPEG baseline by Pillow's encoder."""

    def write(values: NDArray[np.uint8]) -> Path:
        frame = io.BytesIO()
        Image.fromarray(values).save(frame, "JPEG", quality=95)
        return write_dicom(values, syntax=JPEGBaseline8Bit, frame=frame.getvalue())

    return write


@pytest.fixture(scope="session")
def twelve_bits(film_path: Path) -> NDArray[np.uint16]:
    """A drawn film with 12 bits a pixel, 0 and 4095 among them."""
    film = np.asarray(Image.open(film_path), np.uint16)
    y, x = np.mgrid[: film.shape[0], : film.shape[1]]
    values = (film * 16 + (7 * y + 3 * x) % 16).astype(np.uint16)
    values[0, 0], values[0, 1] = 0, 4095
    return values
