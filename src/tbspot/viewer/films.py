"""Where the films of a run are: what `locate` was given, found again.

Takes the run.json of `locate`; gives the pixels of a film by the name its prediction calls it.
Nothing outside what `locate` was given is ever read.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from tbspot.errors import TbspotError
from tbspot.files import RUN_FILE
from tbspot.locating.seeing import see
from tbspot.samples.loading import load
from tbspot.viewer.pictures import LONGEST_SIDE

__all__ = ["Films", "films_of"]


class _Settings(BaseModel):
    films: tuple[str, ...]
    gate: bool = True
    follow_links: bool = False


class _Run(BaseModel):
    settings: _Settings
    called_in: Path


class Films:
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

    def read(self, name: str) -> NDArray[np.float32]:
        """The pixels `[height, width]` in [0, 1] that the model was shown, reduced if many.

        Raises:
            TbspotError: the film is not where it was, or cannot be read.
        """
        path = self._find(name)
        seen = see(path, LONGEST_SIDE, follow_links=self._follow_links, gate=self._gate)
        return seen.film.pixels

    def _find(self, name: str) -> Path:
        for given in self._given:
            path = self._base / given
            if given == name and path.is_file():
                return path
            if path.is_dir() and _stays_inside(name) and (path / name).is_file():
                return path / name
        found = self._of_data_sets.get(name)
        if found is None:
            raise TbspotError(
                f"{name} is not where it was located; if the films were moved, name their folder "
                "with --films"
            )
        return found

    @cached_property
    def _of_data_sets(self) -> dict[str, Path]:
        sources = [str(self._base / given) for given in self._given]
        try:
            return {sample.name: sample.path for sample in load(sources).samples}
        except TbspotError:
            return {}


def films_of(folder: Path, moved_to: Path | None = None) -> Films:
    """The films of a run folder of `locate`.

    Args:
        folder: of the run.
        moved_to: the folder of films or data set to look in, instead of where they were.
    """
    try:
        run = _Run.model_validate_json((folder / RUN_FILE).read_bytes())
    except (OSError, ValidationError):
        run = _Run(settings=_Settings(films=()), called_in=folder)
    settings = run.settings
    given, base = settings.films, run.called_in
    if moved_to is not None:
        given, base = (str(moved_to),), Path.cwd()
    return Films(given, base, gate=settings.gate, follow_links=settings.follow_links)


def _stays_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts
