"""Reading a file in a process of its own, so that no file can harm the program.

Takes a path; gives the film, or one sentence when the file makes its decoder crash, hang or ask
for too much memory. The process is warm: one a thread, kept for many files. What it does is left
to worker.py. Nothing it sends is executed: JSON and raw numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from tbspot.errors import TbspotError
from tbspot.images.film import Facts, Film
from tbspot.images.opening import check_size
from tbspot.importing import trusted_folders

__all__ = ["Decoder", "read_apart"]

SECONDS = 60.0
# A process's first file also pays for its start, which a busy machine may draw out.
START_SECONDS = 60.0
# Enough for 64 megapixels in every step of dicom.py, on top of the libraries themselves.
MEMORY = 4 << 30
# Decoders may leak; a fresh process now and then bounds it.
FILES_PER_PROCESS = 500
# The decoder's own arguments stand before the folders that it may import from.
START = "import sys; sys.path[:] = sys.argv[3:]; from tbspot.images.worker import serve; serve()"

_of_thread = threading.local()


def read_apart(path: Path, name: str, *, follow_links: bool, enough: int | None = None) -> Film:
    """Read a film in this thread's decoding process, starting or replacing it as needed.

    Raises:
        TbspotError: the file cannot be read, or its decoder crashed or ran out of time or memory.
    """
    decoder: Decoder | None = getattr(_of_thread, "decoder", None)
    if decoder is None or not decoder.usable():
        decoder = _of_thread.decoder = Decoder()
    return decoder.read(path, name, follow_links=follow_links, enough=enough)


class Decoder:
    """One decoding process.

    Args:
        command: what to start; speaks the protocol of worker.py. By default this interpreter,
            isolated: it imports from where the program does, and never from the folder that the
            user stands in, whose files may come with the films.
        seconds: a file that takes longer is given up.
        memory: bytes of address space the process may use.
    """

    def __init__(
        self,
        command: tuple[str, ...] | None = None,
        *,
        seconds: float = SECONDS,
        memory: int = MEMORY,
    ) -> None:
        self._seconds = seconds
        self._files_left = FILES_PER_PROCESS
        self._owner = os.getpid()
        limits = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        folders = () if command else trusted_folders()
        command = command or (sys.executable, "-I", "-c", START)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, str(memory), str(int(seconds) + 1), *folders],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | limits,
            # A library may look for its own parts in the folder it stands in.
            cwd=Path(__file__).parent,
        )
        weakref.finalize(self, _end, self._process, self._owner)

    def usable(self) -> bool:
        """Whether it may be given another file: alive, not worn out, and of this process."""
        return self._owner == os.getpid() and self._files_left > 0 and self._process.poll() is None

    def read(self, path: Path, name: str, *, follow_links: bool, enough: int | None = None) -> Film:
        """Read one film; see `read_apart`."""
        starting = self._files_left == FILES_PER_PROCESS
        self._files_left -= 1
        late = threading.Event()
        seconds = self._seconds + START_SECONDS * starting
        timer = threading.Timer(seconds, _stop, (self._process, late))
        timer.start()
        question = {"path": str(path.absolute()), "name": name, "follow_links": follow_links}
        try:
            film = self._ask(question if enough is None else question | {"enough": enough})
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self._files_left = 0
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)  # of itself, so that its status tells why
            _end(self._process, self._owner)
            raise TbspotError(f"{name} {self._fault(late)}; leave it out") from error
        finally:
            timer.cancel()
            if late.is_set():
                self._files_left = 0
        return film

    def _ask(self, request: dict[str, Any]) -> Film:
        questions, answers = (
            cast("IO[bytes]", self._process.stdin),
            cast("IO[bytes]", self._process.stdout),
        )
        questions.write(json.dumps(request).encode() + b"\n")
        questions.flush()
        answer = json.loads(answers.readline())
        if "error" in answer:
            raise TbspotError(answer["error"])
        height, width = answer["shape"]
        check_size(width, height, request["name"])
        pixels = np.frombuffer(_exactly(answers, 4 * height * width), np.float32)
        facts, whole = answer["facts"], answer.get("reduced_from")
        facts |= {name: tuple(facts[name]) for name in ("corrections", "faults")}
        return Film(pixels.reshape(height, width), Facts(**facts), whole and (whole[0], whole[1]))

    def _fault(self, late: threading.Event) -> str:
        if late.is_set():
            return f"took its decoder more than {self._seconds:g} seconds"
        return f"made its decoder crash (status {self._process.returncode})"


def _exactly(stream: IO[bytes], length: int) -> bytearray:
    """A writable buffer of `length` bytes of the stream; EOFError when it ends early."""
    content = bytearray(length)
    if stream.readinto(content) != length:  # type: ignore[attr-defined]
        raise EOFError
    return content


def _stop(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill the process and forget its pipes; a forked copy of the program leaves it alone."""
    if owner != os.getpid():
        return
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
