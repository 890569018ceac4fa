"""Code that lies beside films, as in an archive that a stranger sent, is never run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = pytest.mark.attack

WriteDicom = Callable[..., Path]
# Modules that an interpreter, the decoders or the command line import at any time: `dl` is looked
# for by GDCM, `dataclasses` by nearly everything, `gdcm` and `openjpeg` by pydicom's plug-ins.
NAMES = ("dl", "dataclasses", "json", "numpy", "pydicom", "gdcm", "openjpeg", "tbspot", "PIL",
         "sitecustomize", "usercustomize", "openvino", "planted_decoder")  # fmt: skip
READ = "import sys; from pathlib import Path; from tbspot.images import read_pixels; "


@pytest.fixture
def archive(write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], tmp_path: Path) -> Path:
    """A folder with one DICOM film and a module of every name, each of which leaves a trace."""
    for name in NAMES:
        trace = f"import os; os.mkdir({str(tmp_path / f'{name}-ran')!r})\n"
        (tmp_path / f"{name}.py").write_text(trace)
    told = tmp_path / "planted-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        "[pylibjpeg.pixel_data_decoders]\n1.2.840.10008.1.2.4.90 = planted_decoder:decode\n"
    )
    return write_dicom(twelve_bits).parent


def _run(command: Sequence[Any], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert [path.name for path in folder.glob("*-ran")] == []
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", ["", ":", "."])
def test_a_film_is_read_by_installed_code_alone(
    archive: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The program itself was started elsewhere; only its children could find what is planted.
    import tbspot.images.decoding as decoding

    monkeypatch.chdir(archive)
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(path)
    film = decoding.Decoder().read(Path("film.dcm"), "film.dcm", follow_links=False)
    assert film.facts.kind == "DICOM"
    assert list(archive.glob("*-ran")) == []


def test_the_command_line_runs_nothing_of_the_folder_it_is_called_in(archive: Path) -> None:
    command = Path(sys.executable).with_name("tbspot")
    said = _run([command, "locate", ".", "--out", "found", "--no-overlays", "--force"], archive)
    assert "ok 1, refused 0, failed 0" in said, said


def test_an_innocent_folder_of_a_module_s_name_spoils_no_film(
    write_dicom: WriteDicom, twelve_bits: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
) -> None:
    import tbspot.images.decoding as decoding

    path = write_dicom(twelve_bits)
    for name in NAMES:
        (path.parent / name).mkdir()
    monkeypatch.chdir(path.parent)
    film = decoding.Decoder().read(path, "film.dcm", follow_links=False)
    assert film.pixels.shape == twelve_bits.shape
