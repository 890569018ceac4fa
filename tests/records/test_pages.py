from __future__ import annotations

import errno
import io
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from tbspot.errors import TbspotError
from tbspot.parsing import open_file
from tbspot.records.pages import LONGEST_DIRECTORY, names_in, page_of, read_from_page, write_page
from tbspot.records.predictions import Prediction, read_heatmap

NAMES = ("a.npy", "b.npy", "c.npy")


def _prediction(name: str) -> Prediction:
    return Prediction(image="x", status="ok", model="m", version="v", heatmap=f"heatmaps/3f/{name}")


def _map(number: int) -> np.ndarray:
    return np.full((2, 3), number, np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of maps in a run's folder."""
    folder = tmp_path / "heatmaps" / "3f"
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        np.save(folder / name, _map(number))
    return folder


@pytest.fixture
def page(folder: Path) -> Path:
    """The page of it, and the folder no more."""
    page = page_of(folder)
    write_page(page, NAMES, folder)
    for name in NAMES:
        (folder / name).unlink()
    folder.rmdir()
    return page


def test_a_map_is_read_from_the_page_that_its_folder_became(tmp_path: Path, page: Path) -> None:
    assert page == tmp_path / "heatmaps" / "3f.npz"
    assert names_in(page) == set(NAMES)
    for number, name in enumerate(NAMES):
        assert np.array_equal(read_heatmap(tmp_path, _prediction(name)), _map(number))
        assert np.array_equal(np.load(page, allow_pickle=False)[name[0]], _map(number))


def test_the_same_maps_give_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    for name in ("one.npz", "two.npz"):
        write_page(tmp_path / name, NAMES, folder)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_file_is_read_rather_than_the_page_that_is_older(tmp_path: Path, page: Path) -> None:
    (tmp_path / "heatmaps" / "3f").mkdir()
    np.save(tmp_path / "heatmaps" / "3f" / "b.npy", _map(9))
    assert np.array_equal(read_heatmap(tmp_path, _prediction("b.npy")), _map(9))
    assert np.array_equal(read_heatmap(tmp_path, _prediction("c.npy")), _map(2))
    write_page(page, NAMES[:2], tmp_path / "heatmaps" / "3f")
    (tmp_path / "heatmaps" / "3f" / "b.npy").unlink()
    assert np.array_equal(read_heatmap(tmp_path, _prediction("b.npy")), _map(9))
    with pytest.raises(TbspotError, match="is not a heat map"):
        read_heatmap(tmp_path, _prediction("c.npy"))


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES])
@pytest.mark.parametrize("module", ["predictions", "pages"])
def test_a_map_that_cannot_be_read_now_is_not_said_to_be_broken(
    tmp_path: Path, page: Path, monkeypatch: pytest.MonkeyPatch, module: str, number: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    assert page.exists()
    monkeypatch.setattr(f"tbspot.records.{module}.open_file", fail)
    said = rf"cannot be read \({os.strerror(number)}\); mend that"
    with pytest.raises(TbspotError, match=said) as told:
        read_heatmap(tmp_path, _prediction("b.npy"))
    assert "move" not in str(told.value)


def test_a_page_outside_the_run_s_folder_is_not_read(tmp_path: Path, page: Path) -> None:
    out = tmp_path / "found"
    out.mkdir()
    page.replace(tmp_path / "found.npz")
    (out / "linked.npz").symlink_to(tmp_path / "found.npz")
    for heatmap in ("a.npy", "linked/a.npy", "../found/a.npy"):
        line = _prediction("a.npy").model_copy(update={"heatmap": heatmap})
        with pytest.raises(TbspotError, match="is not a heat map"):
            read_heatmap(out, line)


def test_a_page_cut_off_or_altered_anywhere_gives_no_other_map(tmp_path: Path, page: Path) -> None:
    whole = page.read_bytes()
    expected = _map(1).tobytes()
    broken = [whole[:length] for length in range(0, len(whole), 11)]
    broken += [
        whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :] for at in range(0, len(whole), 2)
    ]
    refused = 0
    for number, content in enumerate(broken):
        page.write_bytes(content)
        os.utime(page, (number, number))
        try:
            assert read_heatmap(tmp_path, _prediction("b.npy")).tobytes() == expected
        except TbspotError:
            refused += 1
    assert refused > len(broken) / 3


def test_a_page_that_would_be_large_in_memory_is_refused(page: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", bytes(10_000_000))
    end = bytearray(page.read_bytes())
    end[-10:-6] = (LONGEST_DIRECTORY + 1).to_bytes(4, "little")
    for broken in (content.getvalue(), bytes(end)):
        page.write_bytes(broken)
        with pytest.raises(TbspotError, match="does not hold heat maps as tbspot packs them"):
            read_from_page(page, "a.npy")


def test_a_map_that_is_packed_while_it_is_looked_for_is_read_from_its_page(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_late(path: Path, most: int) -> BinaryIO:
        write_page(page_of(folder), NAMES, folder)
        (folder / "b.npy").unlink()
        return open_file(path, most)

    monkeypatch.setattr("tbspot.records.predictions.open_file", open_late)
    assert np.array_equal(read_heatmap(tmp_path, _prediction("b.npy")), _map(1))
