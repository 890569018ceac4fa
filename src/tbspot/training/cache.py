"""Decoded films, and what nets said of them, kept once on disk for every epoch, process and run.

Takes samples and a side in pixels; gives a `uint8 [n, side, side]` memory map, whose reading costs
nothing beside a training step. Views of the films are left to views.py.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import safetensors
import safetensors.torch
from numpy.typing import NDArray
from torch import Tensor

from tbspot import __version__
from tbspot.errors import OutOfMemoryError, TbspotError
from tbspot.files import CACHE, fingerprint
from tbspot.images import Frame, read_pixels
from tbspot.machine import whole_cores
from tbspot.parsing import open_file
from tbspot.pathnames import as_text
from tbspot.samples.duplicates import content_of
from tbspot.samples.sample import Sample
from tbspot.storage import replacing

__all__ = ["CachedFilms", "cache_beside", "cache_films", "fingerprint_of", "remembered"]


# Bytes that are hashed at once: a cache of gigabytes is not held in memory for it.
CHUNK = 1 << 20


class CachedFilms(NamedTuple):
    """Decoded films.

    Attributes:
        pixels: `uint8 [n, size, size]`, a read-only memory map.
        fingerprint: of the films' contents, their order, the frame and the tbspot that read them.
    """

    pixels: NDArray[np.uint8]
    fingerprint: str


def cache_films(
    samples: Sequence[Sample], size: int, through: int | None, folder: Path
) -> CachedFilms:
    """Films in the net's frame, from `folder`, decoded if not yet there.

    Args:
        samples: which films, in the order wanted.
        size: side of the frame in pixels.
        through: see `tbspot.images.Frame`.
        folder: where the memory map lies; its name holds the fingerprint of what it was made of,
            and its end the digest of what it holds. One that was cut off or altered is made anew.

    Raises:
        TbspotError: films cannot be read, or the map cannot be written.
    """
    identity = _fingerprint(samples, size, through)
    path = folder / f"films-{identity}.npy"
    if not _is_whole(path, (len(samples), size, size)):
        with replacing(path) as temporary:
            _decode(samples, size, through, temporary)
            with temporary.open("r+b") as file:
                digest = _digest(file, temporary.stat().st_size)
                file.seek(0, os.SEEK_END)
                file.write(digest)
    return CachedFilms(np.load(path, mmap_mode="r", allow_pickle=False), identity)


def cache_beside(folder: Path) -> Path:
    """Where a run keeps what others use too: beside its folder, or in it where no place is."""
    whole = folder.absolute()  # of "." pathlib knows no parent
    beside = whole.parent
    if whole.is_mount() or not os.access(beside, os.W_OK):
        return folder / CACHE
    return beside / CACHE


def remembered(
    folder: Path, kind: str, asked: Sequence[str], ask: Callable[[], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """What a net said of films, from `folder`; asked for now, and kept there, if it is not yet.

    A file that was cut off or altered is asked for again.

    Args:
        folder: see `cache_beside`.
        kind: how the name of the file begins.
        asked: everything that decides the answer.
        ask: gives it.
    """
    path = folder / f"{kind}-{fingerprint(*(part.encode() for part in asked))}.safetensors"
    with suppress(OSError, safetensors.SafetensorError):
        return safetensors.torch.load_file(path)
    told = ask()
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(told))
    return told


def _is_whole(path: Path, shape: tuple[int, int, int]) -> bool:
    """Whether a map is there as it was written: of this shape, and with the digest at its end."""
    try:
        with open_file(path, sys.maxsize) as file:
            if np.lib.format.read_magic(file) != (1, 0):
                return False
            found = np.lib.format.read_array_header_1_0(file)
            length = file.tell() + math.prod(shape)
            digest = _digest(file, length)
            return found == (shape, False, np.dtype(np.uint8)) and file.read() == digest
    except (OSError, EOFError, ValueError, TypeError):
        return False


def _digest(file: BinaryIO, length: int) -> bytes:
    """SHA-256 of the first `length` bytes of a file, behind which it stands afterwards."""
    file.seek(0)
    digest = hashlib.sha256()
    for start in range(0, length, CHUNK):
        digest.update(file.read(min(CHUNK, length - start)))
    return digest.digest()


def fingerprint_of(samples: Sequence[Sample]) -> str:
    """Of films' sources, names, labels and contents, wherever they lie and in whatever order.

    Raises:
        TbspotError: a file cannot be read.
    """
    parts = sorted(
        fingerprint(
            *(
                as_text(part).encode()
                for part in (one.source, one.name, str(one.label), content_of(one.path))
            )
        )
        for one in samples
    )
    return fingerprint(*(part.encode() for part in parts))


def _fingerprint(samples: Sequence[Sample], size: int, through: int | None) -> str:
    # By content: films may change their names, and their times tell nothing then. Another tbspot
    # may read a film otherwise.
    parts = [__version__, str(size), str(through), *(content_of(one.path) for one in samples)]
    return fingerprint(*(part.encode() for part in parts))


def _decode(samples: Sequence[Sample], size: int, through: int | None, path: Path) -> None:
    def decode(index: int) -> TbspotError | None:
        try:
            film = read_pixels(samples[index].path)
        except OutOfMemoryError:
            raise
        except TbspotError as error:
            return error
        framed = Frame(film.shape[0], film.shape[1], size, through).apply(film)
        films[index] = np.rint(framed * 255)
        return None

    shape = (len(samples), size, size)
    films = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # A disk that fills up while a memory map is written to kills the process.
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    # Pillow decodes outside Python's lock, so threads are enough.
    with ThreadPoolExecutor(whole_cores()) as pool:
        faults = [fault for fault in pool.map(decode, range(len(samples))) if fault]
    if len(faults) > 1:  # told together, not one a run
        raise TbspotError(
            f"{len(faults):,} films cannot be read; the first: {faults[0]}"
        ) from faults[0]
    if faults:
        raise faults[0]
    films.flush()
