"""Reading a file in a process of its own, so that no file can harm the program.

Takes a path; gives the film, or one sentence when the file makes its decoder crash, hang or ask
for too much memory. The process is warm: kept for many files, whoever reads. What it does is left
to worker.py. Nothing it sends is executed: JSON and raw numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import weakref
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from tbspot.errors import OutOfMemoryError, TbspotError
from tbspot.images.film import Facts, Film, Seen
from tbspot.images.opening import check_size
from tbspot.imports import trusted_folders

__all__ = ["TRY_AGAIN", "Decoder", "read_apart", "start_ahead"]

SECONDS = 60.0
# A process's first file also pays for its start, which a busy machine may draw out.
START_SECONDS = 60.0
# In which that time is waited for.
PARTS = 60
# Enough for 64 megapixels in every step of dicom.py, on top of the libraries themselves.
MEMORY = 4 << 30
# SIGKILL, which Windows has not.
KILLED = 9
TRY_AGAIN = "end other programs and try again, or leave it out"
# The most that Linux gives whoever asks.
PIPE_BYTES = 1 << 20
# Decoders may leak; a fresh process now and then bounds it.
FILES_PER_PROCESS = 500
# The decoder's own arguments stand before the folders that it may import from.
START = (
    "import sys; sys.path[:] = sys.argv[3:]; "
    # First, as what the rest imports takes its time.
    "from tbspot.interruption import leave_end_to_parent; leave_end_to_parent(); "
    "from tbspot.images.worker import serve; serve()"
)

# Processes that wait for a file; appending and popping need no lock.
_idle: deque[Decoder] = deque()


def read_apart(path: Path, name: str, *, follow_links: bool, enough: int | None = None) -> Film:
    """Read a film in a decoding process that no other thread uses, started where none waits.

    Raises:
        TbspotError: the file cannot be read, or its decoder crashed or ran out of time or memory.
    """
    decoder = _waiting() or Decoder()
    try:
        return decoder.read(path, name, follow_links=follow_links, enough=enough)
    finally:
        if decoder.usable():
            _idle.append(decoder)


def start_ahead() -> None:
    """Start a process for the first film, which takes its time while others work."""
    if not _idle:
        _idle.append(Decoder())


def _waiting() -> Decoder | None:
    """The process that read last, so that few are kept busy; those worn out are let go."""
    with suppress(IndexError):
        while not (decoder := _idle.pop()).usable():
            pass
        return decoder
    return None


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
        self._answering = False
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
        _widen(cast("IO[bytes]", self._process.stdout))
        weakref.finalize(self, _end, self._process, self._owner)

    def usable(self) -> bool:
        """Whether it may be given another file: alive, not worn out, and of this process.

        One whose answer was not read to its end, as where the reader was interrupted, is not: the
        rest would be taken for the next film.
        """
        ready = self._files_left > 0 and not self._answering
        return ready and self._owner == os.getpid() and self._process.poll() is None

    def read(self, path: Path, name: str, *, follow_links: bool, enough: int | None = None) -> Film:
        """Read one film; see `read_apart`."""
        starting = self._files_left == FILES_PER_PROCESS
        self._files_left -= 1
        late, answered = threading.Event(), threading.Event()
        first = threading.Lock()  # taken by whichever of the two comes first, and kept
        seconds = self._seconds + START_SECONDS * starting
        patience = threading.Thread(
            target=_stop, args=(self._process, late, answered, first, seconds), daemon=True
        )
        patience.start()
        question = {"path": str(path.absolute()), "name": name, "follow_links": follow_links}
        try:
            film = self._ask(question if enough is None else question | {"enough": enough})
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self._files_left = 0
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)  # of itself, so that its status tells why
            _end(self._process, self._owner)
            # The system ends what takes the memory that it needs itself.
            if self._process.returncode == -KILLED and not late.is_set():
                raise OutOfMemoryError(
                    f"{name} had its decoder killed, as where memory runs out; {TRY_AGAIN}"
                ) from error
            raise TbspotError(f"{name} {self._fault(late)}") from error
        finally:
            answered.set()
            if not first.acquire(blocking=False):  # its time ran out, and it is being killed
                self._files_left = 0
        return film

    def _ask(self, request: dict[str, Any]) -> Film:
        questions, answers = (
            cast("IO[bytes]", self._process.stdin),
            cast("IO[bytes]", self._process.stdout),
        )
        self._answering = True
        questions.write(json.dumps(request).encode() + b"\n")
        questions.flush()
        answer = json.loads(answers.readline())
        self._answering = "shape" in answer
        if "memory" in answer:
            raise OutOfMemoryError(
                f"{request['name']} needs more memory than a film may or than there is; {TRY_AGAIN}"
            )
        if "error" in answer:
            raise TbspotError(answer["error"])
        height, width = answer["shape"]
        check_size(width, height, request["name"])
        pixels = np.frombuffer(_exactly(answers, 4 * height * width), np.float32)
        self._answering = False
        facts, whole = answer["facts"], answer.get("reduced_from")
        facts |= {name: tuple(facts[name]) for name in ("corrections", "faults")}
        seen = Seen(**answer["seen"] | {"times": tuple(answer["seen"]["times"])})
        pixels = pixels.reshape(height, width)
        return Film(pixels, Facts(**facts), whole and (whole[0], whole[1]), seen)

    def _fault(self, late: threading.Event) -> str:
        if late.is_set():
            return f"took its decoder more than {self._seconds:g} seconds; {TRY_AGAIN}"
        return f"made its decoder crash (status {self._process.returncode}); leave it out"


def _widen(pipe: IO[bytes]) -> None:
    """Let the pipe hold a mebibyte, so that fewer turns carry a film (on Linux alone)."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _exactly(stream: IO[bytes], length: int) -> bytearray:
    """A writable buffer of `length` bytes of the stream; EOFError when it ends early."""
    content = bytearray(length)
    if stream.readinto(content) != length:  # type: ignore[attr-defined]
        raise EOFError
    return content


def _stop(
    process: subprocess.Popen[bytes],
    late: threading.Event,
    answered: threading.Event,
    first: threading.Lock,
    seconds: float,
) -> None:
    """Kill a process that has not answered after so many seconds in which this one ran too.

    One that has, by whom `first` is taken, waits for the next film already.

    Time in which the program was stopped (Ctrl+Z) or its machine slept is not the film's: of a
    part that lasts much longer than it was waited for, only so much is counted.
    """
    part = seconds / PARTS
    while seconds > 0:
        if answered.wait(part):
            return
        seconds -= part
    if first.acquire(blocking=False):
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
