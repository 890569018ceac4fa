"""The exceptions of the package: sentences that tell a user what to do.

The command line prints one and exits with 1; a caller can tell them apart by their class. A
parameter that a sentence names stands in it between backticks, as Python has it
(`overwrite=True`); the command line shows it as its option (--overwrite). Settings that only a
command has, and what its page says, are named as its options. Everything else that is raised is an
argument of the wrong type, or a fault of ours, of which faults.py writes a report.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard

__all__ = [
    "DataError",
    "MissingExtraError",
    "ModelError",
    "OutOfMemoryError",
    "TbspotError",
    "UnreadableFilmError",
    "is_crowded",
    "is_out_of_memory",
    "refuse_unread",
    "told_as",
]

# How libraries of C++ say what Python says by MemoryError; the last two of threads.
WORDS = ("bad_alloc", "bad alloc", "out of memory", "can't allocate memory", "cannot allocate",
         "failed to allocate", "can't start new thread",
         "resource temporarily unavailable")  # fmt: skip
# What the system says that has no room for more, the second of processes.
NUMBERS = (errno.ENOMEM, errno.EAGAIN)
# What it says of a process, or of itself, that has too many files and connections open.
CROWDED = (errno.EMFILE, errno.ENFILE)
# What it says of a file that may well be whole.
UNREAD = (errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE, errno.ENOTCONN, *CROWDED)
# Of a sentence, in characters: room for the longest path, of which a file system has 4,096.
LONGEST = 6000


class TbspotError(Exception):
    """What is wrong, in which file, and what to do, in one sentence."""

    def __str__(self) -> str:
        """The sentence; of one that repeats megabytes of a stranger's file, its two ends."""
        text = super().__str__()
        if len(text) <= LONGEST:
            return text
        return f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


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


class OutOfMemoryError(TbspotError):
    """Memory ran short: nothing is known to be wrong with the file, and another try may do."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it was made of, says that memory ran short."""
    return any(
        isinstance(one, MemoryError)
        or (isinstance(one, OSError) and one.errno in NUMBERS)
        or (isinstance(one, RuntimeError) and any(word in str(one).lower() for word in WORDS))
        for one in _chain(error)
    )


def is_crowded(error: BaseException) -> TypeGuard[OSError]:
    """Whether an error says that no more files can be opened."""
    return isinstance(error, OSError) and error.errno in CROWDED


def refuse_unread(error: Exception, path: object) -> None:
    """Tell a file that cannot be read now from one that is broken, and that its user may remove.

    Args:
        error: by which reading it ended; any other one is left to the caller.
        path: of the file, as sentences have it.

    Raises:
        TbspotError: its disk or the system is why; as `OutOfMemoryError`, that memory ran out.
    """
    if is_out_of_memory(error):
        raise OutOfMemoryError(
            f"memory ran out for {path}; end other programs, and the same command goes on"
        ) from error
    for one in (error, error.__cause__):
        if isinstance(one, OSError) and one.errno in UNREAD:
            raise TbspotError(
                f"{path} cannot be read ({one.strerror}); mend that, and the same command goes on"
            ) from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
