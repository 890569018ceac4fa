"""The decoding process: reads files one by one within its limits.

Takes one JSON line a file on standard input; gives one JSON line (the film's shape and facts, or
the sentence that says what is wrong) and the pixels as raw float32. Started by decoding.py.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tbspot.errors import TbspotError
from tbspot.images.dicom import read_dicom
from tbspot.images.film import Film, Seen
from tbspot.images.opening import open_regular, seen_in, sniff
from tbspot.images.raster import read_raster

__all__ = ["serve"]


def serve() -> None:
    """Answer requests until standard input ends; arguments: bytes of memory, seconds a file."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    # Some decoders print to standard output; only answers may go where answers go.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory(memory)
    for line in sys.stdin.buffer:
        _limit_seconds(seconds)
        request = json.loads(line)
        try:
            path, enough = Path(request["path"]), request.get("enough")
            film, seen = _read(path, request["name"], request["follow_links"], enough)
        except TbspotError as error:
            _answer(answers, {"error": str(error)})
        except MemoryError:
            _answer(answers, {"error": "", "memory": True})
        else:
            said = {
                "shape": film.pixels.shape,
                "reduced_from": film.reduced_from,
                "facts": dataclasses.asdict(film.facts),
                "seen": dataclasses.asdict(seen),
            }
            _answer(answers, said, film)


def _read(path: Path, name: str, follow_links: bool, enough: int | None) -> tuple[Film, Seen]:
    """A film and the bytes that it was decoded from.

    Both are of one open file: another one may be in its place by now, and this one back again
    before anybody looks.
    """
    with open_regular(path, name, follow_links=follow_links) as file:
        kind = sniff(file, name)
        seen = seen_in(file, name)
        if kind == "DICOM":
            film = read_dicom(file, name, enough)
        else:
            film = read_raster(file, name, kind, enough)
        now = os.fstat(file.fileno())
        # Not by the last change of any kind: whoever moves or links a file changes no byte of it.
        if (now.st_size, now.st_mtime_ns) != (seen.bytes, seen.times[0]):
            raise TbspotError(f"{name} was changed while it was read; locate it again")
    return film, seen


def _answer(answers: BinaryIO, line: dict[str, Any], film: Film | None = None) -> None:
    answers.write(json.dumps(line).encode() + b"\n")
    if film is not None:
        # Not by tobytes(): a film of 64 megapixels would be copied whole.
        answers.write(np.ascontiguousarray(film.pixels).data.cast("B"))
    answers.flush()


def _limit_memory(memory: int) -> None:
    """Bound the address space, and forbid files and core dumps (Linux and macOS)."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        bound = _allowed(kind, most)
        resource.setrlimit(kind, (bound, bound))


def _limit_seconds(seconds: int) -> None:
    """End this process, should its parent be gone, when one file takes too long."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    bound = _allowed(resource.RLIMIT_CPU, used + 1 + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (bound, hard))


def _allowed(kind: int, most: int) -> int:
    """What is wanted, or the caller's own limit (`ulimit`, a cluster's queue) where it is lower.

    None may be raised: the system would refuse, and every film with it.
    """
    import resource

    _, hard = resource.getrlimit(kind)
    return most if hard == resource.RLIM_INFINITY else min(most, hard)
