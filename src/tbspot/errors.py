"""The exceptions of the package: sentences that tell a user what to do.

The command line prints one and exits with 1; everything else is a fault of ours, of which faults.py
writes a report.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

__all__ = ["OutOfMemoryError", "TbspotError", "is_out_of_memory"]

# How libraries of C++ say what Python says by MemoryError.
WORDS = ("bad_alloc", "bad alloc", "out of memory", "can't allocate memory", "cannot allocate",
         "can't start new thread")  # fmt: skip


class TbspotError(Exception):
    """What is wrong, in which file, and what to do, in one sentence."""


class OutOfMemoryError(TbspotError):
    """Memory ran short: nothing is known to be wrong with the file, and another try may do."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it was made of, says that memory ran short."""
    return any(
        isinstance(one, MemoryError)
        or (isinstance(one, OSError) and one.errno == errno.ENOMEM)
        or (isinstance(one, RuntimeError) and any(word in str(one).lower() for word in WORDS))
        for one in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
