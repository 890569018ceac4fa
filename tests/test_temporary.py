"""Files for a while: there, or one sentence; gone afterwards, also after a kill."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from engines import bright_engine
from tbspot import temporary
from tbspot.errors import TbspotError
from tbspot.locating import LocateSettings, Model


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_film_is_kept_for_a_while(place: Path) -> None:
    with temporary.kept(b"film", "it") as path:
        assert path.read_bytes() == b"film"
        assert path.parent.parent == place
    assert list(place.iterdir()) == []


def test_no_place_for_temporary_files_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    temporary.remove_leftovers()
    with pytest.raises(TbspotError, match=r"no temporary files can be written \(.*TMPDIR"):
        temporary.held_folder()


def test_a_full_disk_is_one_sentence_that_names_the_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    sentence = (
        f"it cannot be kept until it is read (No space left on device); free space in {place},"
    )
    with pytest.raises(TbspotError) as told, temporary.kept(b"film", "it"):
        pass
    assert str(told.value).startswith(sentence)
    model = Model(bright_engine(), LocateSettings(gate=False))
    finding = model.locate(io.BytesIO(b"film"), name="it")
    assert (finding.status, str(finding.reason)[: len(sentence)]) == ("failed", sentence)
    assert list(place.iterdir()) == []


KILLED = """
import os, signal, sys
from tbspot.temporary import kept
with kept(b"of a patient", "it"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_the_film_of_a_killed_process_is_gone_when_another_keeps_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place))
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    assert len(list(place.rglob("film"))) == 1
    monkeypatch.setattr(temporary, "SECONDS", -60.0)
    temporary._remove_leftovers_once.cache_clear()
    with temporary.kept(b"film", "it"):
        assert len(list(place.rglob("film"))) == 1
    assert list(place.iterdir()) == []
