"""A power cut at any moment loses no line that was told, and leaves nothing half written.

The disk is simulated: of what a run does, only what was synced is there after the cut, and, as
file systems differ, the names with or without the bytes that were not.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engines import bright_engine
from tbspot.locating import LocateSettings, find_items, locate
from tbspot.records.predictions import read_heatmap, read_predictions
from tbspot.storage import replacing, sync_folder
from tbspot.training.progress import Reporter

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(sys.platform != "linux", reason="open files are told by /proc"),
]


@dataclass
class Disk:
    """What a power cut would leave of a folder, after each sync in it.

    Attributes:
        root: the folder.
        cuts: by moment, each file's bytes, `None` = the name is there and the bytes are not.
        synced: by file, its bytes when it was last synced.
        names: by folder, its names when it was last synced, and the file or folder of each.
        held: by file or folder, a descriptor: while it is open no other file gets the number.
    """

    root: Path
    cuts: list[dict[str, bytes | None]] = field(default_factory=list)
    synced: dict[int, bytes] = field(default_factory=dict)
    names: dict[int, dict[str, tuple[int, bool]]] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)

    def sync(self, descriptor: int) -> None:
        """Note what a call of fsync brings to the disk."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not path.is_relative_to(self.root):
            return
        number = self._hold(path)
        if path.is_dir():
            names = self.names[number] = {}
            for one in path.iterdir():
                with suppress(FileNotFoundError):  # another thread has given it its name
                    names[one.name] = (self._hold(one), one.is_dir())
        else:
            self.synced[number] = path.read_bytes()
        self.cuts.append(self._left_strictly())
        self.cuts.append(self._left_of_names())

    def _hold(self, path: Path) -> int:
        """The number of a file or folder, which none that is made later gets."""
        number = path.stat().st_ino
        if number not in self.held:
            self.held[number] = os.open(path, os.O_PATH)
        return number

    def let_go(self) -> None:
        """Close what is held."""
        for descriptor in self.held.values():
            os.close(descriptor)
        self.held.clear()

    def _left_strictly(self) -> dict[str, bytes | None]:
        """Names and bytes that were synced, and nothing else."""
        left: dict[str, bytes | None] = {}

        def look(number: int, place: str) -> None:
            for name, (inside, is_folder) in self.names.get(number, {}).items():
                if is_folder:
                    look(inside, f"{place}{name}/")
                else:
                    left[f"{place}{name}"] = self.synced.get(inside, b"")

        look(self.root.stat().st_ino, "")
        return left

    def _left_of_names(self) -> dict[str, bytes | None]:
        """Every name as it is now; bytes that were not synced came out as zeros."""
        left: dict[str, bytes | None] = {}
        for path in self.root.rglob("*"):
            if path.is_file():
                status = path.stat()
                kept = self.synced.get(status.st_ino, b"")[: status.st_size]
                left[str(path.relative_to(self.root))] = kept.ljust(status.st_size, b"\0")
        return left


def _restore(left: dict[str, bytes | None], folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in left.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content or b"")
    return folder


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    disk = Disk(root)
    fsync = os.fsync

    def sync(descriptor: int) -> None:
        fsync(descriptor)
        disk.sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    yield disk
    monkeypatch.undo()
    disk.let_go()


def _run(films: Path, out: Path, *, packed: bool = False) -> None:
    settings = LocateSettings((str(films),), "", "bright v1", "fake", "cam", gate=False)
    locate(find_items([films], out), bright_engine(), settings, out, packed=packed)


def _files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_locate_goes_on_after_a_power_cut_at_any_sync(
    disk: Disk, drawn: Path, tmp_path: Path
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for path in sorted((drawn / "imgs" / "tb").iterdir())[:3]:
        shutil.copy(path, films)
    _run(films, disk.root / "found")
    cuts, expected = list(disk.cuts), _files(disk.root / "found")
    assert len(cuts) > 20
    lines = 0
    for left in cuts:
        found = _restore(left, tmp_path / "after") / "found"
        whole = (left.get("found/predictions.jsonl") or b"").count(b"\n")
        _run(films, found)
        assert _files(found) == expected
        lines = max(lines, whole)
    assert lines == 3


def test_a_file_made_later_does_not_lend_its_bytes_to_a_name_that_was_removed(disk: Disk) -> None:
    for name in ("old", "new"):
        (disk.root / name).write_text(name)
        with (disk.root / name).open("rb") as file:
            os.fsync(file.fileno())
        if name == "old":
            sync_folder(disk.root)
            (disk.root / name).unlink()
    assert disk.cuts[-2] == {"old": b"old"}


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_line_names_is_on_the_disk_when_the_line_is(
    disk: Disk, drawn: Path, tmp_path: Path, packed: bool
) -> None:
    films = drawn / "imgs" / "health"
    _run(films, disk.root / "found", packed=packed)
    told = 0
    for left in disk.cuts[::2]:  # nothing but what was synced
        found = _restore(left, tmp_path / "after") / "found"
        if (found / "predictions.jsonl").is_file():
            for one in read_predictions(found):
                assert read_heatmap(found, one).shape == (8, 8)
                assert (found / "overlays" / f"{Path(one.heatmap or '').stem}.jpg").is_file()
                told += 1
    assert told >= len(list(films.iterdir()))


def test_a_file_that_is_replaced_is_old_or_new_after_a_power_cut(
    disk: Disk, tmp_path: Path
) -> None:
    path = disk.root / "new" / "model"
    for content in (b"old" * 1000, b"new" * 1000):
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    for left in disk.cuts:
        folder = _restore(left, tmp_path / "after")
        found = (folder / "new" / "model").read_bytes() if "new/model" in left else None
        assert found in (None, b"old" * 1000, b"new" * 1000)
    assert disk.cuts[-2]["new/model"] == b"new" * 1000


def test_a_line_of_a_log_is_on_the_disk_when_its_checkpoint_is(disk: Disk) -> None:
    with Reporter(disk.root, 2, 0, epochs=0, silent=False) as reporter:
        reporter.step(1, 0.5, 1)
        reporter.epoch(1, None)
        (number,) = disk.synced
        assert b'"epoch": 1' in disk.synced[number]
