"""Where the films of a run are: what `locate` was given, found again.

Takes the run.json of `locate`; gives the pixels of a film by the name its prediction calls it.
Nothing outside what `locate` was given is ever read.
"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.images import read_with_facts
from tbspot.locating.detail import examine_film
from tbspot.pathnames import as_path
from tbspot.records.run import LocateRun, RunSettings, read_run
from tbspot.samples.loading import load
from tbspot.samples.reading import exists
from tbspot.viewer.pictures import LONGEST_SIDE

__all__ = ["RunFilms", "films_of"]


class RunFilms:
    """The films of a run.

    Args:
        given: files, folders and sources of data sets, as `locate` was given them.
        base: folder that they are relative to.
        gate: whether a film that is inverted despite its tags is set right, as in the run.
        follow_links: whether a symbolic link stands for the film that it leads to.
    """

    def __init__(
        self, given: tuple[str, ...], base: Path, *, gate: bool, follow_links: bool
    ) -> None:
        self._given = given
        self._base = base
        self._gate = gate
        self._follow_links = follow_links

    def read(self, name: str, sha256: str | None = None) -> NDArray[np.float32]:
        """The pixels `[height, width]` in [0, 1] that the model was shown, reduced if many.

        Args:
            name: of the film, as its prediction calls it.
            sha256: of the bytes that were located; `None` = not known, as in older lines.

        Raises:
            TbspotError: the film is not where it was, cannot be read, or is another one.
        """
        path = self._find(name)
        read = partial(read_with_facts, path, follow_links=self._follow_links)
        film = examine_film(read, LONGEST_SIDE, gate=self._gate).film
        if sha256 is not None and film.seen is not None and film.seen.sha256 != sha256:
            raise TbspotError(
                f"{name} is not the film that was located, as its file has other bytes; locate it "
                "again, or name the folder of the film that was located with --films"
            )
        return film.pixels

    def _find(self, name: str) -> Path:
        for given in self._given:
            path = as_path(str(self._base / given))
            if given == name and exists(path):
                return path
            film = as_path(str(path / name))
            if _stays_inside(name) and exists(film):
                return film
        found = self._of_data_sets.get(name)
        if found is None:
            raise TbspotError(
                f"{name} is not where it was located; if the films were moved, name their folder "
                "with --films"
            )
        return found

    @cached_property
    def _of_data_sets(self) -> dict[str, Path]:
        sources = [str(as_path(str(self._base / given))) for given in self._given]
        try:
            return {sample.name: sample.path for sample in load(sources).samples}
        except (TbspotError, OSError):  # what a stranger's run names may be no path at all
            return {}


def films_of(folder: Path, moved_to: Path | None = None) -> RunFilms:
    """The films of a run folder of `locate`.

    Args:
        folder: of the run.
        moved_to: the folder of films or data set to look in, instead of where they were.
    """
    run = read_run(folder) or LocateRun(settings=RunSettings(films=()), called_in=folder)
    settings = run.settings
    given, base = settings.films, run.called_in
    if moved_to is not None:
        given, base = (str(moved_to),), Path.cwd()
    return RunFilms(given, base, gate=settings.gate, follow_links=settings.follow_links)


def _stays_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts
