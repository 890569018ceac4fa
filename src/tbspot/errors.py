"""The exceptions of the package: sentences that tell a user what to do.

The command line prints one and exits with 1; a caller can tell them apart by their class. A
parameter that a sentence names stands in it between backticks, as Python has it
(`overwrite=True`); the command line shows it as its option (--overwrite). Everything else that is
raised is a fault of ours, or an argument of the wrong type, and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "DataError",
    "MissingExtraError",
    "ModelError",
    "TbspotError",
    "UnreadableFilmError",
    "told_as",
]


class TbspotError(Exception):
    """What is wrong, in which file, and what to do, in one sentence."""


class UnreadableFilmError(TbspotError):
    """A film's file is absent, broken, too large, or no film; other films are not concerned."""


class ModelError(TbspotError):
    """A model file is refused, or cannot be run here, so that no film will fare better."""


class DataError(TbspotError):
    """A data set, a table, a split or a folder of results is not as it must be."""


class MissingExtraError(TbspotError):
    """A package is missing that comes with an extra of the installation."""


@contextmanager
def told_as(kind: type[TbspotError]) -> Iterator[None]:
    """Give a `TbspotError` of no kind that is raised inside the kind that callers tell it by."""
    try:
        yield
    except TbspotError as error:
        if type(error) is TbspotError:
            raise kind(str(error)) from error
        raise
