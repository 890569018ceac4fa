"""The entry point: runs the command line and says errors in one sentence.

Takes the process's arguments; gives its exit code. What a command does is left to cli/, reports of
faults to faults.py.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn

from tbspot.errors import TbspotError, is_crowded, is_out_of_memory
from tbspot.imports import trust_installed_code_alone
from tbspot.interruption import flush_or_drop, interruptible, tell_end
from tbspot.machine import keep_within_quota
from tbspot.printable import printable

__all__ = ["main"]

# What a write to standard output ends with where its reader or its device gives up.
OUTPUT = (errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF, errno.EFBIG)
# What no disk says; under PYTHONUNBUFFERED nothing is left to be flushed that would tell.
OUTPUT_ALONE = (errno.EPIPE, errno.EBADF)
# What a disk says in the middle of a file that was opened, when no name is told any more.
WITHIN = (*OUTPUT, errno.EDQUOT, errno.ESTALE, errno.ENOTCONN)

# What a file system says of a path or of itself, wherever a command names the path to it first.
REFUSALS = (
    errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.EISDIR,
    errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ENOTCONN,
)  # fmt: skip
LONGEST_NAME = 80


def main() -> None:
    """Run `tbspot`; where something is wrong, one sentence on stderr and exit code 1, or 70.

    70 is a fault of ours, of which a report is written. Under `python -X dev` faults keep their
    traceback.
    """
    trust_installed_code_alone()
    keep_within_quota()
    _prepare_streams()
    try:
        try:
            with interruptible():
                from tbspot.cli import app

                app()
        finally:
            # Here, and not when the interpreter ends, which would say it in its own way.
            sys.stdout.flush()
    except TbspotError as error:
        from tbspot.cli._sentences import as_options

        _end(as_options(str(error)), 1)
    except Exception as error:
        _end(*_unforeseen(error))


def _unforeseen(error: Exception) -> tuple[str, int]:
    if is_out_of_memory(error):
        return "memory ran out; end other programs, and the same command goes on", 1
    if is_crowded(error):
        return f"no more files can be opened ({error.strerror}); allow more, by `ulimit -n`", 1
    if isinstance(error, OSError) and error.filename is None and error.errno in WITHIN:
        return _broken_within(error), 1
    if sys.flags.dev_mode:
        raise error
    if isinstance(error, OSError) and error.filename is not None and error.errno in REFUSALS:
        return _refused(error), 1
    from tbspot.faults import EXIT_CODE, report_fault

    return report_fault(error), EXIT_CODE


def _broken_within(error: OSError) -> str:
    told = error if error.errno in OUTPUT_ALONE else _fault_of_output()
    if told:
        return f"cannot write to standard output ({told.strerror}); lead it elsewhere"
    return f"a file cannot be read or written ({error.strerror}); see to the disks that are used"


def _fault_of_output() -> OSError | None:
    try:
        sys.stdout.flush()  # what could not be written is still to be
    except OSError as error:
        return error
    return None


def _refused(error: OSError) -> str:
    name = os.fsdecode(error.filename) if not isinstance(error.filename, int) else "a stream"
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}..."
    return f"{name} cannot be used ({error.strerror}); choose another path, or see to its disk"


def _prepare_streams() -> None:
    """Give the three streams a place where they were closed, and let any text pass, whole."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else a file of ours would be opened under this number and written to
            os.open(os.devnull, os.O_RDWR)
        if sys.platform != "win32":
            # To a pipe that does not wait for its reader, Python writes what fits, and no more.
            os.set_blocking(number, True)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        # What has been read from can be told nothing any more, and what comes in is bytes to us.
        if mode == "w" and hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # Some programs that keep a terminal say that it has no columns, in which nothing is printed.
    if os.environ.get("COLUMNS", "").strip("0") == "":
        os.environ.pop("COLUMNS", None)


def _end(sentence: str, code: int) -> NoReturn:
    tell_end(f"error: {printable(sentence)}")
    flush_or_drop(sys.stdout)
    sys.exit(code)


if __name__ == "__main__":
    main()
