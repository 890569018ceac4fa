from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tbspot.errors import TbspotError
from tbspot.locating import Item, find_items, items_of
from tbspot.locating.inputs import names_of, passed_over
from tbspot.samples.sample import Sample


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def _names(*paths: Path, out: Path = Path("found")) -> list[str]:
    return [item.name for item in find_items(paths, out)]


def test_films_of_a_folder_are_called_by_their_path_in_it_in_order(tmp_path: Path) -> None:
    _touch(tmp_path, "b.png", "a/z.JPG", "a/y.dcm", "notes.txt", "a/list.csv")
    assert _names(tmp_path) == ["b.png", "a/y.dcm", "a/z.JPG"]


def test_a_file_is_called_by_the_path_given_whatever_its_ending(tmp_path: Path) -> None:
    _touch(tmp_path, "IM0001")
    path = tmp_path / "IM0001"
    assert find_items([path], tmp_path / "out") == (Item(path, path.as_posix()),)


def test_what_lies_in_the_folder_to_write_is_no_film(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png", "found/overlays/a.png")
    assert _names(tmp_path, out=tmp_path / "found") == ["a.png"]


def test_a_path_that_does_not_exist_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="absent does not exist"):
        _names(tmp_path / "absent")


def test_a_folder_without_films_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="holds no film"):
        _names(tmp_path)


def test_a_film_that_was_lost_in_copying_is_a_film_to_be_read(tmp_path: Path) -> None:
    _touch(tmp_path, "IM000002", "1.2.840.17", "a.png", ".nomedia", "done.flag")
    (tmp_path / "IM000003").write_bytes(bytes(5000))
    (tmp_path / "README").write_text("a note")
    (tmp_path / "patient8").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert _names(tmp_path) == ["1.2.840.17", "IM000002", "IM000003", "a.png", "patient8"]


def test_what_macos_keeps_beside_a_film_is_no_film(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png", "._b.png")
    for name in ("._a.png", "__MACOSX/._a.dcm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4064))
    (tmp_path / "._c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert _names(tmp_path) == ["._c.png", "a.png"]


def test_what_another_run_wrote_is_no_film_and_is_said(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png", "found/overlays/a.jpg", "found/run.json", "found/predictions.jsonl")
    _touch(tmp_path, "b/run.json", "b/b.png", "b/c/run.json", "b/c/predictions.jsonl", "b/c/c.png")
    items = find_items([tmp_path], tmp_path / "second")
    assert names_of(items) == ["a.png", "b/b.png"]
    said = "1 other file was passed over as no film (b/run.json); "
    assert passed_over(items) == f"{said}2 folders were passed over as tbspot's (found/, b/c/)"
    # Whoever names it means it.
    assert names_of(find_items([tmp_path / "found"], None)) == ["overlays/a.jpg"]


def test_a_folder_to_write_to_is_known_by_any_path(tmp_path: Path) -> None:
    _touch(tmp_path, "films/a.png", "films/found/overlays/a.jpg")
    (tmp_path / "link").symlink_to("films")
    assert _names(tmp_path / "films", out=tmp_path / "link" / "found") == ["a.png"]
    (tmp_path / "loop").symlink_to("loop")
    assert len(_names(tmp_path / "films", out=tmp_path / "loop" / "x")) == 2


def test_files_that_are_no_films_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png")
    assert passed_over(find_items([tmp_path], None)) is None
    (tmp_path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    said = "1 other file was passed over as no film (Thumbs.db)"
    assert passed_over(find_items([tmp_path], None)) == said
    _touch(tmp_path, "DICOMDIR", "ward/list\n.csv", "found/predictions.jsonl")
    said = "3 other files were passed over as no film (DICOMDIR, Thumbs.db, ...)"
    assert passed_over(find_items([tmp_path], tmp_path / "found")) == said
    assert passed_over(find_items([tmp_path, tmp_path], None))


def test_two_films_of_one_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    _touch(tmp_path, "one/a.png", "two/a.png")
    with pytest.raises(TbspotError, match=r"both be called a\.png"):
        _names(tmp_path / "one", tmp_path / "two")


def test_a_film_that_is_named_twice_is_located_once(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png")
    assert len(_names(tmp_path / "a.png", tmp_path / "a.png")) == 1


def test_films_of_several_folders_and_files_keep_their_paths_and_order(tmp_path: Path) -> None:
    _touch(tmp_path, "a/2.png", "a/1.png", "b/ward/3.png", "c.png")
    paths = [tmp_path / "b", tmp_path / "c.png", tmp_path / "a"]
    found = find_items(paths, tmp_path / "out")
    named = (tmp_path / "c.png").as_posix()
    assert [item.name for item in found] == ["ward/3.png", named, "1.png", "2.png"]
    assert [item.path.relative_to(tmp_path).as_posix() for item in found] == [
        "b/ward/3.png",
        "c.png",
        "a/1.png",
        "a/2.png",
    ]
    assert found[-1] == found[3] == found[2:][1]
    assert list(names_of(found)) == list(names_of(list(found)))
    assert find_items(paths, None) == found


def test_a_list_of_very_many_films_holds_little_but_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = 50_000
    names = (f"film-{number:06}.png" for number in range(films))
    monkeypatch.setattr("os.walk", lambda *_, **__: [(str(tmp_path), [], names)])
    tracemalloc.start()
    found = find_items([tmp_path], None)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == films
    assert held / films < 100


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text are Linux's")
def test_a_name_that_is_no_text_can_still_be_written(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.png")).touch()
    (name,) = _names(tmp_path)
    assert json.loads(json.dumps(name)).encode() == rb"\udcff.png"


def test_films_of_a_data_set_keep_their_names_there(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "imgs/tb/tb0001.png", "tb/tb0001.png", 1, "tbx11k", "tb0001")
    assert items_of([sample]) == (Item(sample.path, "tb/tb0001.png"),)


def _faults(*paths: Path, out: Path = Path("found")) -> dict[str, str]:
    return {item.name: item.fault for item in find_items(paths, out) if item.fault}


def test_a_link_to_a_folder_is_named_and_not_followed(tmp_path: Path) -> None:
    _touch(tmp_path, "films/a.png", "other/b.png")
    (tmp_path / "films" / "more").symlink_to("../other", target_is_directory=True)
    assert _names(tmp_path / "films") == ["a.png", "more/"]
    (fault,) = _faults(tmp_path / "films").values()
    assert fault.endswith("is a link to a folder, which is not followed; name that folder")


def test_a_folder_that_cannot_be_looked_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path, "a.png", "ward/b.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "ward":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert _names(tmp_path) == ["a.png", "ward/"]
    (fault,) = _faults(tmp_path).values()
    assert "ward cannot be looked into (Permission denied)" in fault
    with pytest.raises(TbspotError, match="ward cannot be looked into"):
        _names(tmp_path / "ward")


@pytest.mark.skipif(sys.platform != "linux", reason="paths that are too long are the system's")
def test_what_lies_too_deep_to_be_read_is_named(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png")
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(40):  # each beginning where the one before ends, as an archive is unpacked
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("b.png", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    (film, *_), (fault,) = _names(tmp_path), _faults(tmp_path).values()
    shutil.rmtree(tmp_path / ("d" * 200))
    assert film == "a.png"
    assert "d cannot be looked into (File name too long)" in fault
    assert len(fault) < 200


def test_a_path_that_is_too_long_is_one_short_sentence() -> None:
    with pytest.raises(TbspotError, match="name too long") as told:
        _names(Path("a/" * 3000))
    assert len(str(told.value)) < 200


# A film without an ending that this user may not read, or that is a link, and what is no film.
UNREADABLE = """
import os, sys
from pathlib import Path
from tbspot.locating import find_items
os.setgid(65534); os.setuid(65534)
print([item.name for item in find_items([Path(sys.argv[1])], Path("out"))])
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs another user")
def test_a_file_that_this_user_may_not_read_is_named() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        _touch(folder, "a.png", "IM0001", "closed/b.png", "notes.txt")
        (folder / "IM0001").write_bytes(b"a film, perhaps")
        (folder / "IM0001").chmod(0)
        (folder / "closed").chmod(0)
        command = [sys.executable, "-c", UNREADABLE, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['IM0001', 'a.png', 'closed/']\n"


def test_links_to_films_without_an_ending_are_named_and_links_to_other_files_are_not(
    tmp_path: Path, write_dicom: Callable[..., Path], twelve_bits: np.ndarray
) -> None:
    film = write_dicom(twelve_bits)
    _touch(tmp_path, "films/a.png", "notes")
    (tmp_path / "notes").write_text("a note")
    (tmp_path / "films" / "IM1").symlink_to(film)
    (tmp_path / "films" / "IM2").symlink_to(tmp_path / "notes")
    (tmp_path / "films" / "IM3").symlink_to(tmp_path / "nowhere")
    assert _names(tmp_path / "films") == ["IM1", "IM3", "a.png"]
