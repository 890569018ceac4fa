"""What becomes of an error that nobody foresaw: a sentence, and a report that tells no secrets.

Takes an exception; gives the sentence, and writes a file of where in the code it happened and in
which versions. Text of the exception may repeat what a file holds, so it is left out, as are
values, paths and names of files. Who sees the whole: developers, by `python -X dev -m tbspot`.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType

__all__ = ["EXIT_CODE", "report_fault", "report_text"]

# EX_SOFTWARE of sysexits.h; 1 is what a file or setting that cannot be used gives.
EXIT_CODE = 70
PACKAGES = (
    "tbspot", "numpy", "openvino", "pillow", "pydantic", "pydicom", "pyjpegls",
    "pylibjpeg-openjpeg", "python-gdcm", "starlette", "uvicorn", "typer", "rich", "torch",
)  # fmt: skip
# Frames from either end; a recursion has thousands.
FRAMES = 40


def report_fault(error: BaseException) -> str:
    """Write a report of an error that nobody foresaw; gives the sentence that tells the user."""
    kind = type(error).__name__
    path = _written(report_text(error))
    where = f"a report without names and data of patients is {path}" if path else "no report"
    return (
        f"a fault of tbspot ({kind}); {where}; please send it to the project, and leave out the "
        "film or setting it happened with"
    )


def report_text(error: BaseException) -> str:
    """Versions, the kinds of the error and its causes, and the lines of code they went through."""
    lines = ["A fault of tbspot", f"Python {platform.python_version()}, {platform.system()} "
             f"{platform.machine()}", f"command: {_command()}", *_versions()]  # fmt: skip
    cause: BaseException | None = error
    for _ in range(5):
        if cause is None:
            break
        lines += ["", _kind(cause), *_frames(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines) + "\n"


def _kind(error: BaseException) -> str:
    number = f" errno {error.errno}" if isinstance(error, OSError) else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{number}"


def _frames(trace: TracebackType | None) -> list[str]:
    frames = [
        f"  {frame.f_globals.get('__name__', '?')}, line {line}, {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]
    if len(frames) > 2 * FRAMES:
        frames[FRAMES:-FRAMES] = [f"  ... {len(frames) - 2 * FRAMES} more"]
    return frames


def _command() -> str:
    """The command's name alone: what follows it are films."""
    given = sys.argv[1] if len(sys.argv) > 1 else ""
    # A command is a module of cli/; nothing is imported while a fault is being told.
    commands = {path.stem for path in (Path(__file__).parent / "cli").glob("[a-z]*.py")}
    return given if given in commands else "?"


def _versions() -> list[str]:
    found = []
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return found


def _written(text: str) -> Path | None:
    name = ""
    try:
        # Of this user alone, under a name that nobody else can have put there.
        number, name = tempfile.mkstemp(prefix="tbspot-fault-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        with suppress(OSError):  # half a report, of a full disk, where there is any
            Path(name).unlink()
        return None
    return Path(name)
