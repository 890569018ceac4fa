"""Files that anybody may have written, as checked records: what they must be, or one sentence.

Takes a path or text and a pydantic model; gives the record. JSON is read within bounds that no
record of tbspot comes near. What a record means is left to the modules that define it.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from tbspot.errors import TbspotError, refuse_unread

__all__ = [
    "LARGEST",
    "WholeNumber",
    "as_whole",
    "first_fault",
    "lines_in",
    "load_json",
    "open_file",
    "parse",
    "read_json",
    "refuse_later",
]

Model = TypeVar("Model", bound=BaseModel)

# Ten times the annotations of all TBX11K.
MOST_BYTES = 256_000_000
# What 64 bits hold; longer ones cost time that grows with the square of their length.
MOST_DIGITS = 19
# A line with ten thousand boxes has a mebibyte; files of lines have no bound.
LONGEST_LINE = 4 << 20
# Far from the end of float32, in which maps and boxes are computed.
LARGEST = 1e30


def as_whole(value: object) -> object:
    """A whole number written with a point, 1.0, as some programs do, without it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber = Annotated[int, BeforeValidator(as_whole)]


def read_json(
    path: Path, model: type[Model], what: str, remedy: str = "check the path or replace the file"
) -> Model:
    """Read a JSON file as `model`.

    Args:
        path: of the file.
        model: that it must fit.
        what: the file should be, in words.
        remedy: what to do where it is not.

    Raises:
        TbspotError: the file cannot be read or is not `what`.
    """
    try:
        with open_file(path) as file:
            return parse(file.read(), model)
    except OSError as error:
        refuse_unread(error, path)
        raise TbspotError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
    except ValidationError as error:
        raise TbspotError(f"{path} is not {what} ({first_fault(error)}); {remedy}") from error
    except ValueError as error:
        raise TbspotError(f"{path} is not {what} ({error}); {remedy}") from error


def open_file(path: Path, most: int = MOST_BYTES) -> BinaryIO:
    """Open a regular file of at most `most` bytes; never waits, as a pipe would have it.

    Raises:
        OSError: it is absent, not to be read, too large, or no regular file; `strerror` is set.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        # Path.open takes no opener.
        file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
    except ValueError as error:  # a name with a character that no file system knows
        raise OSError(errno.EINVAL, "not a path") from error
    status = os.fstat(file.fileno())
    fault = None if stat.S_ISREG(status.st_mode) else "not a regular file"
    if fault is None and status.st_size > most:
        fault = f"{status.st_size:,} bytes, more than {most:,}"
    if fault is not None:
        file.close()
        raise OSError(errno.EINVAL, fault)
    return file


def lines_in(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, one by one; one that is longer than any of tbspot's comes in parts."""
    return iter(lambda: file.readline(LONGEST_LINE), b"")


def parse(content: bytes, model: type[Model]) -> Model:
    """Read JSON as `model`.

    Raises:
        ValueError: it is no JSON, or JSON that no reader of tbspot takes: with NaN, numbers
            beyond 64 bits or 1e30, half characters, one key twice, or nested without end;
            `ValidationError`, which is one: it does not fit the model, in which `true` and "10"
            are no numbers.
    """
    load_json(content)
    # Read again, as of Python's objects strict models take no list for a tuple.
    return model.model_validate_json(content, strict=True)


def load_json(content: bytes) -> Any:
    """Read JSON that fits no model, within the same bounds; half characters are kept.

    Raises:
        ValueError: it is none, or beyond them.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=_refuse,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"Invalid JSON: {error}") from error
    except UnicodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # Of two values the last would win in silence.
    if len(found) < len(pairs):
        raise ValueError("it has a key twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError("it has a number of too many digits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.fabs(number) <= LARGEST:
        raise ValueError("it has a number that is too large")
    return number


def _refuse(constant: str) -> Any:
    raise ValueError(f"it has {constant} where a number belongs")


def refuse_later(error: BaseException, path: Path, what: str) -> None:
    """Tell a record with fields that this tbspot does not know from one that is broken.

    Args:
        error: by which reading it ended; any other one is left to the caller.
        path: of the file.
        what: it is to be.

    Raises:
        TbspotError: a later tbspot made it.
    """
    if isinstance(error, ValidationError) and any(
        fault["type"] == "extra_forbidden" for fault in error.errors(include_url=False)
    ):
        raise TbspotError(
            f"{path} is not {what} as this tbspot knows them: a later one made it; update tbspot"
        ) from error


def first_fault(error: ValidationError) -> str:
    """Where and why a validation failed first, in a few words."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else fault["msg"]
