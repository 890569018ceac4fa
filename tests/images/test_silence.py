"""No name, number or institution of a patient is in anything that a batch writes or says."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from tbspot.description import Description
from tbspot.engine.engine import Engine
from tbspot.locating import LocateSettings, find_items, locate
from tbspot.locating.folder import Naming
from tbspot.records.predictions import read_heatmap, read_predictions

REAL = Path(__file__).parents[3] / "shared" / "data" / "dicom"


def _engine() -> Engine:
    """A model that finds the middle of every film suspicious."""

    def ask(films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        maps = np.zeros((len(films), 8, 8), np.float32)
        maps[:, 3:5, 3:5] = 1
        return np.zeros(len(films), np.float32), maps

    return Engine(Description(name="middle", version="1", size=64), "numpy", ask)


def _said_and_written(folder: Path, out: Path, *, gate: bool) -> list[bytes]:
    engine, said = _engine(), io.StringIO()
    settings = LocateSettings((str(folder),), "", "middle 1", engine.name, "cam", gate=gate)
    counts = locate(find_items([folder], out), engine, settings, out, Console(file=said))
    assert counts.ok + counts.refused + counts.failed == len(find_items([folder], out))
    written = [path for path in out.rglob("*") if path.is_file()]
    assert out / "predictions.jsonl" in written
    return [said.getvalue().encode(), *(path.read_bytes() for path in written),
            *(str(path).encode() for path in written)]  # fmt: skip


@pytest.mark.parametrize("gate", [True, False])
def test_a_batch_of_dicom_is_silent_about_patients(
    write_dicom: Callable[..., Path], twelve_bits: NDArray[np.uint16], tmp_path: Path, gate: bool
) -> None:
    films = write_dicom(np.tile(twelve_bits, (2, 2)), name="a.dcm", BitsStored=12).parent
    write_dicom(twelve_bits, name="lateral", ViewPosition="LL", BodyPartExamined="PLANTED")
    write_dicom(twelve_bits, name="broken.dcm", Rows=999)
    write_dicom(twelve_bits, name="frames.dcm", NumberOfFrames=3, ViewPosition="PLANTED")
    write_dicom(twelve_bits, name="tagged.dcm", PatientAge="012Y", Modality="PLANTED")
    for content in _said_and_written(films, tmp_path / "out", gate=gate):
        assert b"PLANTED" not in content


@pytest.mark.parametrize("names", ["auto", "hash", "file"])
def test_heat_maps_and_overlays_of_dicom_are_not_called_by_the_file_unless_asked_for(
    write_dicom: Callable[..., Path], twelve_bits: NDArray[np.uint16], tmp_path: Path, names: Naming
) -> None:
    path = write_dicom(twelve_bits, name="PLANTED_JOHN", BitsStored=12)
    engine, out = _engine(), tmp_path / "out"
    settings = LocateSettings(
        (str(path),), "", "middle 1", engine.name, "cam", gate=False, names=names
    )
    locate(find_items([path], out), engine, settings, out)
    (prediction,) = read_predictions(out)
    assert read_heatmap(out, prediction).shape == (8, 8)
    pictures = [*(out / "heatmaps").iterdir(), *(out / "overlays").iterdir()]
    assert len(pictures) == 2
    assert {picture.stem for picture in pictures} == {Path(prediction.heatmap or "").stem}
    assert all(("PLANTED" in picture.name) == (names == "file") for picture in pictures)


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared here")
def test_a_batch_of_real_dicom_is_silent_about_patients(tmp_path: Path) -> None:
    planted = [path.read_bytes() for path in REAL.glob("*.dcm")]
    assert sum(b"PLANTED" in content for content in planted) == 4
    for content in _said_and_written(REAL, tmp_path / "out", gate=True):
        assert b"PLANTED" not in content
