"""Where a film's files lie in a run's folder: in numbered folders where there are many films.

Takes a run's folder and the number of films; gives each file's place, writes there, and brings
files of when there were fewer films to their places. What the files hold, and the lines that name
them, are left to folder.py.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Container, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import get_args

from tbspot.choices import ResultKind
from tbspot.records.pages import SUFFIX, names_in, page_of, read_from_page, write_page
from tbspot.records.run import DICOM
from tbspot.storage import replacing, sync_folder

__all__ = ["MOST_FILES", "Places", "digits_for", "picture_beside"]

HEATMAPS, OVERLAYS = "heatmaps", "overlays"
OF_A_MAP = re.compile(rf"{HEATMAPS}/(?P<number>([0-9a-f]{{1,8}}/)?)(?P<stem>[A-Za-z0-9-]+)\.npy")
NUMBER = re.compile("[0-9a-f]{1,8}")
# Of one folder: what file managers, `ls` and file systems of a network still bear.
MOST_FILES = 10_000
# Of one film in one folder: as many as there are kinds of results as DICOM.
FILES_A_FILM = len(get_args(ResultKind))
# Hashes do not fill folders evenly: of 9,000 files on average 10,000 are ten deviations away.
FULL = 0.9


def digits_for(films: int) -> int:
    """Digits of the folders' numbers: 0 = one folder, 1 = 16 of them, 2 = 256 and so on.

    They follow from the number of films alone, so that a run comes to the same folders however
    often it was interrupted.
    """
    files, digits = films * FILES_A_FILM, 0
    while files > (FULL * 16**digits if digits else 1) * MOST_FILES:
        digits += 1
    return digits


def picture_beside(heatmap: str) -> str:
    """The path of a film's picture, which lies among pictures as its heat map among maps."""
    found = OF_A_MAP.fullmatch(heatmap)
    number, stem = (found["number"], found["stem"]) if found else ("", Path(heatmap).stem)
    return f"{OVERLAYS}/{number}{stem}.jpg"


class Places:
    """The places of films' files in a run's folder, as paths from there.

    A file lies in `heatmaps`, `overlays` or `dicom`; with digits, there in the folder whose
    number is the first ones of the hash in the file's own name.

    Args:
        folder: of the run.
        digits: of the folders' numbers.
    """

    def __init__(self, folder: Path, digits: int = 0) -> None:
        self._folder = folder
        self._digits = digits
        self._made: set[Path] = set()

    def of_map(self, stem: str) -> str:
        """The place of a heat map, whose stem ends with a hash."""
        return self._place(HEATMAPS, f"{stem}.npy", stem.rpartition("-")[2])

    def of_object(self, name: str) -> str:
        """The place of a result as DICOM, which is called by a hash and its kind."""
        file = PurePosixPath(name).name
        return self._place(DICOM, file, file)

    def _place(self, kind: str, file: str, hashed: str) -> str:
        number = hashed[: self._digits]
        return "/".join(part for part in (kind, number, file) if part)

    def writing(self, place: str) -> AbstractContextManager[Path]:
        """A temporary path that becomes the file at a place, see `storage.replacing`.

        Raises:
            OSError: its folder cannot be made.
            TbspotError: the file system refuses the file.
        """
        path = self._folder / place
        self._make_folder_of(path)
        return replacing(path, parents=False)

    def _make_folder_of(self, path: Path) -> None:
        # Those below the run's folder alone, and once: if somebody removes the run, nothing of it
        # comes back.
        if path.parent in self._made or path.parent == self._folder:
            return
        self._make_folder_of(path.parent)
        path.parent.mkdir(exist_ok=True)
        sync_folder(path.parent.parent)
        self._made.add(path.parent)

    def copied(self, heatmap: str) -> str:
        """Where a heat map is to be found from now on: at its place, its picture at its own.

        What lay elsewhere, as films were fewer then, is copied, not moved: until the line is
        written that names the copy, a run that is killed needs the other.
        """
        found = OF_A_MAP.fullmatch(heatmap)
        place = self.of_map(found["stem"]) if found else heatmap
        if place == heatmap or not self._copy(heatmap, place):
            return heatmap
        self._copy(picture_beside(heatmap), picture_beside(place))
        return place

    def _copy(self, before: str, after: str) -> bool:
        path = self._folder / before
        if not path.is_file():
            return self._copy_from_page(path, after)
        with self.writing(after) as temporary:
            temporary.unlink()
            try:
                os.link(self._folder / before, temporary)
            except OSError:  # a file system without links
                shutil.copyfile(self._folder / before, temporary)
        return True

    def _copy_from_page(self, path: Path, after: str) -> bool:
        page = page_of(path.parent)
        if path.name not in names_in(page):
            return False
        with self.writing(after) as temporary:
            temporary.write_bytes(read_from_page(page, path.name))
        return True

    @property
    def is_packed(self) -> bool:
        """Whether heat maps lie in pages."""
        return next(self._pages(), None) is not None

    def pack(self, maps: Collection[str]) -> None:
        """Put the heat maps of each folder into its page, and remove what no line names.

        A map's file goes when its page is on the disk, so that at any moment it is in one of the
        two at least. What somebody removed is left out.

        Args:
            maps: that lines name.

        Raises:
            OSError: the file system refuses.
            TbspotError: it refuses a page, or what bears a page's name is none.
        """
        filled = set()
        for folder, named in groupby(sorted(maps), lambda one: one.rpartition("/")[0]):
            if OF_A_MAP.fullmatch(f"{folder}/x.npy"):
                names = {Path(one).name for one in named}
                if self._pack(self._folder / folder, names):
                    filled.add(page_of(self._folder / folder))
        for page in set(self._pages()) - filled:
            page.unlink()
        with suppress(OSError):  # it holds pages
            (self._folder / HEATMAPS).rmdir()

    def _pack(self, folder: Path, named: set[str]) -> bool:
        """Whether any of a folder's maps is left."""
        page = page_of(folder)
        before, own = names_in(page), {one for one in named if (folder / one).is_file()}
        kept = named & (before | own)
        if kept and (own or kept != before):
            write_page(page, sorted(kept), folder)
        for one in own:
            (folder / one).unlink(missing_ok=True)
        with suppress(OSError):  # it is not there, or holds what is not tbspot's
            folder.rmdir()
        return bool(kept)

    def _pages(self) -> Iterator[Path]:
        inside = (self._folder / HEATMAPS).glob(f"*{SUFFIX}")
        for page in (page_of(self._folder / HEATMAPS), *inside):
            if page.is_file() and (page.stem == HEATMAPS or NUMBER.fullmatch(page.stem)):
                yield page

    def tidy(self, maps: Container[str], films: Container[str]) -> None:
        """Remove files that are of no line, bring results as DICOM to their places.

        Args:
            maps: heat maps that lines name.
            films: hashes of the names of films that have a line.

        Raises:
            OSError: the file system refuses.
        """
        # As lists: what is being read of a folder may change with it.
        for place in list(self._files(HEATMAPS, ".npy")):
            if place not in maps:
                self._remove(place)
        pictures = re.compile(f"^{OVERLAYS}/(.*)\\.jpg$", re.DOTALL)
        for place in list(self._files(OVERLAYS, ".jpg")):
            if pictures.sub(rf"{HEATMAPS}/\1.npy", place) not in maps:
                self._remove(place)
        self.remove_objects_but_of(films)
        for place in list(self._files(DICOM, ".dcm")):
            if (after := self.of_object(place)) != place:
                self._make_folder_of(self._folder / after)
                (self._folder / place).replace(self._folder / after)
        self._remove_empty_folders()

    def remove_objects_but_of(self, films: Container[str]) -> None:
        """Remove results as DICOM of all films but these, which are named by hashes of their names.

        Raises:
            OSError: the file system refuses.
        """
        for place in list(self._files(DICOM, ".dcm")):
            if PurePosixPath(place).stem.rpartition("-")[0] not in films:
                self._remove(place)

    def _files(self, kind: str, ending: str) -> Iterator[str]:
        for folder in self._folders(kind):
            with suppress(FileNotFoundError), os.scandir(self._folder / folder) as entries:
                names = (entry.name for entry in entries)
                yield from (f"{folder}/{name}" for name in names if name.endswith(ending))

    def _folders(self, kind: str) -> list[str]:
        """One of a kind, and the numbered ones in it; what else lies there is not tbspot's.

        Nor is what a link leads to: it is not looked into, so that nothing is removed there.
        """
        inside = [self._folder / kind, *sorted((self._folder / kind).glob("*/"))]
        numbered = (path for path in inside[1:] if NUMBER.fullmatch(path.name))
        if inside[0].is_symlink():
            return []
        return [kind, *(f"{kind}/{one.name}" for one in numbered if not one.is_symlink())]

    def _remove(self, place: str) -> None:
        (self._folder / place).unlink(missing_ok=True)

    def _remove_empty_folders(self) -> None:
        for kind in (HEATMAPS, OVERLAYS, DICOM):
            for folder in self._folders(kind)[1:]:
                with suppress(OSError):
                    (self._folder / folder).rmdir()
