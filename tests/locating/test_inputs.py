from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tbspot.errors import TbspotError
from tbspot.locating import Item, find_items, items_of
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


def test_two_films_of_one_name_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    _touch(tmp_path, "one/a.png", "two/a.png")
    with pytest.raises(TbspotError, match=r"both be called a\.png"):
        _names(tmp_path / "one", tmp_path / "two")


def test_a_film_that_is_named_twice_is_located_once(tmp_path: Path) -> None:
    _touch(tmp_path, "a.png")
    assert len(_names(tmp_path / "a.png", tmp_path / "a.png")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text are Linux's")
def test_a_name_that_is_no_text_can_still_be_written(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.png")).touch()
    (name,) = _names(tmp_path)
    assert json.loads(json.dumps(name)).encode() == rb"\udcff.png"


def test_films_of_a_data_set_keep_their_names_there(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "imgs/tb/tb0001.png", "tb/tb0001.png", 1, "tbx11k", "tb0001")
    assert items_of([sample]) == (Item(sample.path, "tb/tb0001.png"),)
