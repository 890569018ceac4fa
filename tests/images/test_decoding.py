from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tbspot.errors import TbspotError
from tbspot.images import Film, decoding, read_pixels, worker
from tbspot.images.decoding import Decoder, read_apart
from tbspot.images.raster import read_raster
from tbspot.interruption import NAMES

WriteDicom = Callable[..., Path]


@pytest.fixture
def tiff(film_path: Path, tmp_path: Path) -> Path:
    """A drawn film as TIFF, which the decoding process reads."""
    Image.open(film_path).save(tmp_path / "film.tif")
    return tmp_path / "film.tif"


def _worker_that(does: str) -> tuple[str, ...]:
    """A process that takes a question and then misbehaves."""
    return (sys.executable, "-c", f"import os, sys, time; sys.stdin.readline(); {does}")


def _ask(decoder: Decoder) -> Any:
    return decoder.read(Path("film.dcm"), "film.dcm", follow_links=False)


def test_a_decoder_that_crashes_costs_that_file_only(tiff: Path, film_path: Path) -> None:
    crashing = Decoder(_worker_that("os.kill(os.getpid(), 11)"))
    with pytest.raises(TbspotError, match=r"film\.dcm made its decoder crash \(status -11\)"):
        _ask(crashing)
    assert not crashing.usable()
    np.testing.assert_array_equal(read_pixels(tiff), read_pixels(film_path))


def test_a_decoder_that_hangs_is_ended_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "START_SECONDS", 0.0)
    hanging = Decoder(_worker_that("time.sleep(600)"), seconds=0.5)
    with pytest.raises(TbspotError, match=r"took its decoder more than 0\.5 seconds; end other"):
        _ask(hanging)
    assert not hanging.usable()


def test_time_in_which_the_program_was_stopped_is_not_the_film_s() -> None:
    class Stopped(threading.Event):
        """An answer that comes in the second wait; the first lasts as long as Ctrl+Z did."""

        waits = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.waits += 1
            assert timeout is not None
            assert timeout <= 2
            return self.waits == 2

    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with process:
        late = threading.Event()
        decoding._stop(process, late, Stopped(), threading.Lock(), 60.0)
        assert not late.is_set()
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize("answer", ["", "nonsense", "[1]", '{"shape": [99999, 99999]}',
                                    '{"shape": [8, 8], "facts": {}}'])  # fmt: skip
def test_an_answer_that_is_none_is_one_sentence(answer: str) -> None:
    with pytest.raises(TbspotError, match=r"film\.dcm"):
        _ask(Decoder(_worker_that(f"print({answer!r})")))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds address space")
def test_a_file_that_unpacks_without_end_reaches_the_memory_limit_and_no_further(
    write_dicom: WriteDicom, tmp_path: Path, tiff: Path
) -> None:
    whole = write_dicom(np.zeros((4, 4), np.uint8), syntax=DeflatedExplicitVRLittleEndian)
    content = whole.read_bytes()
    start = next(
        position
        for position in range(132, len(content))
        if _inflates(content[position:])
    )  # fmt: skip
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    zeros = b"".join(packer.compress(bytes(1 << 24)) for _ in range(40)) + packer.flush()
    bomb = tmp_path / "bomb.dcm"
    bomb.write_bytes(content[:start] + zeros)
    limited = Decoder(memory=600 << 20)
    with pytest.raises(TbspotError, match=r"bomb\.dcm needs more memory than a film may"):
        limited.read(bomb, "bomb.dcm", follow_links=False)
    assert limited.usable()
    assert limited.read(tiff, "film.tif", follow_links=False).facts.kind == "TIFF"


def _inflates(content: bytes) -> bool:
    try:
        return zlib.decompress(content, -15)[:2] == b"\x08\x00"
    except zlib.error:
        return False


# A queue of a cluster, or `ulimit`, may allow less than a decoding process allows itself.
LIMITED = """
import resource, sys
from pathlib import Path
from tbspot.images.decoding import Decoder

resource.setrlimit(getattr(resource, sys.argv[1]), (int(sys.argv[2]), int(sys.argv[2])))
for _ in range(2):
    film = Decoder().read(Path(sys.argv[3]), "film.tif", follow_links=False)
print(film.pixels.shape)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds address space")
@pytest.mark.parametrize(
    ("kind", "most"), [("RLIMIT_AS", decoding.MEMORY - 1), ("RLIMIT_CPU", 100)]
)
def test_a_limit_that_the_caller_has_lowered_is_kept_and_costs_no_film(
    tiff: Path, kind: str, most: int
) -> None:
    command = [sys.executable, "-c", LIMITED, kind, str(most), str(tiff)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("(128, 128)\n", "")


def test_a_process_is_kept_for_many_files_and_then_replaced(
    tiff: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = Decoder()
    for _ in range(3):
        decoder.read(tiff, "film.tif", follow_links=False)
    assert decoder.usable()
    monkeypatch.setattr(decoding, "FILES_PER_PROCESS", 1)
    short = Decoder()
    short.read(tiff, "film.tif", follow_links=False)
    assert not short.usable()


@pytest.mark.parametrize("reason", [KeyboardInterrupt, TimeoutError, TbspotError])
def test_a_reader_that_is_interrupted_leaves_nothing_for_the_next_film(
    tiff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: type[BaseException]
) -> None:
    def interrupt(*_: object) -> None:
        raise reason

    other = tmp_path / "other.tif"
    Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (300, 2))).save(other)
    expected = read_pixels(other)
    with monkeypatch.context() as patched:
        # The first part of the answer has been read, the pixels have not.
        patched.setattr(decoding, "check_size", interrupt)
        with pytest.raises((KeyboardInterrupt, TbspotError)):
            read_apart(tiff, "film.tif", follow_links=False)
    np.testing.assert_array_equal(read_pixels(other), expected)


def test_threads_read_side_by_side(tiff: Path) -> None:
    films: list[Any] = []
    threads = [threading.Thread(target=lambda: films.append(read_pixels(tiff))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(films) == 2
    np.testing.assert_array_equal(films[0], films[1])


def _read_and_report(path: Path, connection: Any) -> None:
    connection.send(float(read_pixels(path).sum()))


def test_a_forked_program_starts_a_process_of_its_own(tiff: Path) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    before = float(read_pixels(tiff).sum())
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_read_and_report, args=(tiff, there))
    child.start()
    assert here.poll(100)
    assert here.recv() == before
    child.join()
    assert float(read_pixels(tiff).sum()) == before


def test_threads_that_read_one_after_another_share_a_process(tiff: Path) -> None:
    read_pixels(tiff)
    before = [decoder._process.pid for decoder in decoding._idle]
    for _ in range(2):
        thread = threading.Thread(target=read_pixels, args=(tiff,))
        thread.start()
        thread.join()
    assert [decoder._process.pid for decoder in decoding._idle] == before


def test_a_process_that_was_started_ahead_reads_the_first_film(tiff: Path) -> None:
    decoding._idle.clear()
    decoding.start_ahead()
    decoding.start_ahead()
    (ahead,) = decoding._idle
    read_pixels(tiff)
    assert list(decoding._idle) == [ahead]


def test_the_process_ends_with_its_decoder(tiff: Path) -> None:
    decoder = Decoder()
    decoder.read(tiff, "film.tif", follow_links=False)
    process = decoder._process
    assert process.poll() is None
    del decoder
    gc.collect()
    assert process.poll() == -signal.SIGKILL


def test_who_asks_the_whole_group_to_end_breaks_no_film_in_hand(tiff: Path) -> None:
    decoder = Decoder()
    read = partial(decoder.read, tiff, "film.tif", follow_links=False)
    read()
    for number in NAMES:
        os.kill(decoder._process.pid, number)
    read()
    assert decoder.usable()


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_the_process_ends_when_the_program_is_killed(tiff: Path) -> None:
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib; from tbspot.images import decoding, read_pixels;"
            f"read_pixels(pathlib.Path({str(tiff)!r}));"
            "print(decoding._idle[-1]._process.pid, flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout is not None
        worker = int(program.stdout.readline())
        program.kill()
    for _ in range(300):
        if not Path(f"/proc/{worker}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists()


def test_what_a_decoder_prints_is_not_taken_for_an_answer(tiff: Path) -> None:
    script = (
        "import os; from tbspot.images import worker;"
        "read = worker._read;"
        "worker._read = lambda *a: (os.write(1, b'printed by C'), read(*a))[1];"
        "worker.serve()"
    )
    film = Decoder((sys.executable, "-c", script)).read(tiff, "film.tif", follow_links=False)
    assert film.facts.kind == "TIFF"


def test_the_worker_may_write_no_file(tmp_path: Path, tiff: Path) -> None:
    written = tmp_path / "written"
    script = (
        "import pathlib, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from tbspot.images import worker; read = worker._read;"
        f"worker._read = lambda *a: (pathlib.Path({str(written)!r}).write_text('x'), read(*a))[1];"
        "worker.serve()"
    )
    with pytest.raises(TbspotError):
        Decoder((sys.executable, "-c", script)).read(tiff, "film.tif", follow_links=False)
    assert not written.exists() or written.stat().st_size == 0


def test_a_relative_path_is_found_wherever_the_process_was_started(
    tiff: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_pixels(tiff)
    monkeypatch.chdir(tiff.parent)
    assert read_apart(Path("film.tif"), "film.tif", follow_links=False).facts.kind == "TIFF"


def test_a_question_is_plain_json_and_an_error_its_answer() -> None:
    answering = (
        sys.executable,
        "-c",
        "import sys, json; question = json.loads(sys.stdin.readline());"
        "print(json.dumps({'error': ' '.join(sorted(question))}))",
    )
    with pytest.raises(TbspotError, match=r"^follow_links name path$"):
        _ask(Decoder(answering))


def test_a_decoder_that_answered_is_not_ended_while_it_reads_the_next_film() -> None:
    class Unheard(threading.Event):
        """An answer that comes just after the last wait for it."""

        def wait(self, timeout: float | None = None) -> bool:
            return timeout is None

    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    late, first = threading.Event(), threading.Lock()
    first.acquire()
    with process:
        decoding._stop(process, late, Unheard(), first, 1.0)
        assert not late.is_set()
        assert process.poll() is None
        process.kill()


def test_a_decoder_whose_time_ran_out_as_it_answered_gets_no_other_film(
    tiff: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def comes_first(*given: Any) -> None:
        given[3].acquire()  # and is about to end the process

    monkeypatch.setattr(decoding, "_stop", comes_first)
    decoder = Decoder()
    assert decoder.read(tiff, "film.tif", follow_links=False).facts.kind == "TIFF"
    assert not decoder.usable()


def test_a_film_says_of_which_bytes_it_is(tiff: Path) -> None:
    seen, status = read_apart(tiff, "film.tif", follow_links=False).seen, tiff.stat()
    assert seen is not None
    assert seen.sha256 == hashlib.sha256(tiff.read_bytes()).hexdigest()
    assert (seen.bytes, seen.times[0]) == (status.st_size, status.st_mtime_ns)


def test_a_file_that_is_written_to_while_it_is_read_is_no_film(
    tiff: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writes(*given: Any) -> Film:
        os.utime(tiff, (0, 0))
        return read_raster(*given)

    monkeypatch.setattr(worker, "read_raster", writes)
    with pytest.raises(TbspotError, match="was changed while it was read"):
        worker._read(tiff, "film.tif", follow_links=False, enough=None)
