"""An error that nobody foresaw is one sentence and a report that tells nothing of patients."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ends import told_of
from tbspot import __main__ as entry
from tbspot import cli, faults
from tbspot.errors import OutOfMemoryError, TbspotError, is_out_of_memory

pytestmark = pytest.mark.attack

PATIENT = "DOE^JANE 1950-01-02"


def _broken(error: BaseException) -> Callable[[], None]:
    def app() -> None:
        patient = PATIENT  # a value that a traceback with locals would show
        assert patient
        try:
            open(f"/nowhere/{PATIENT}.dcm")  # noqa: PTH123, SIM115
        except OSError as cause:
            raise error from cause

    return app


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError(PATIENT), ValueError(f"bad value {PATIENT}"), KeyError(PATIENT),
     OSError(10, PATIENT, f"{PATIENT}.dcm"), RecursionError(), AssertionError(PATIENT)],
)  # fmt: skip
def test_a_fault_is_one_sentence_exit_code_70_and_a_report_without_data(
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(cli, "app", _broken(error))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(faults, "_command", lambda: "locate")
    with pytest.raises(SystemExit) as exit_info:
        entry.main()
    assert exit_info.value.code == 70
    said = capsys.readouterr().err
    (report,) = tmp_path.iterdir()
    assert said.startswith(f"error: a fault of tbspot ({type(error).__name__})")
    assert said.count("\n") == 1
    assert str(report) in said
    text = report.read_text()
    assert "DOE" not in said + text
    assert "/nowhere" not in text
    assert type(error).__name__ in text
    assert "FileNotFoundError errno 2" in text
    assert "test_faults, line" in text
    assert "command: locate" in text
    assert "numpy 2" in text or "numpy 1" in text
    if os.name == "posix":
        assert report.stat().st_mode & 0o077 == 0


def test_a_report_of_an_endless_recursion_is_short() -> None:
    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    assert len(faults.report_text(caught.value).splitlines()) < 150


def test_a_report_names_a_command_and_never_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tbspot", "locate", f"{PATIENT}.dcm"])
    assert "command: locate\n" in faults.report_text(ValueError())
    monkeypatch.setattr(sys, "argv", ["tbspot", f"{PATIENT}.dcm"])
    assert "command: ?\n" in faults.report_text(ValueError())


def test_without_a_place_for_the_report_the_sentence_is_said_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    assert "a fault of tbspot" in faults.report_fault(ValueError())


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("std::bad_alloc"), OSError(12, "Cannot allocate memory"),
     BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
     RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
     RuntimeError("plugin.cpp:54:\nFailed to allocate 61341696 bytes of memory\n"),
     RuntimeError("plugin.cpp:54:\nResource temporarily unavailable\n")],
)  # fmt: skip
def test_memory_that_runs_out_is_told_as_that(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told_of(error, monkeypatch, capsys).startswith("error: memory ran out; ")


def test_running_out_of_memory_is_an_error_of_its_own_kind() -> None:
    assert issubclass(OutOfMemoryError, TbspotError)
    error = TbspotError("film.png is broken")
    error.__cause__ = RuntimeError("decoder failed")
    assert not is_out_of_memory(error)
    error.__cause__.__cause__ = MemoryError()
    assert is_out_of_memory(error)


def _tbspot(redirect: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    shell = f'"$@" {redirect}'
    return subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-m", "tbspot", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["prepare", "--help"])
def test_standard_output_on_a_full_device_is_one_sentence(
    command: str, drawn: Path, tmp_path: Path
) -> None:
    given = [str(drawn), "--out", str(tmp_path / "split.json")] if command == "prepare" else []
    done = _tbspot("> /dev/full", command, *given)
    assert done.returncode == 1
    assert done.stderr == (
        "error: cannot write to standard output (No space left on device); lead it elsewhere\n"
    )


def test_standard_error_on_a_full_device_changes_no_exit_code(tmp_path: Path) -> None:
    done = _tbspot("2> /dev/full", "prepare", str(tmp_path / "absent"), "--out", "x")
    assert done.returncode == 1


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_fault(redirect: str, drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.json"
    done = _tbspot(redirect, "prepare", str(drawn), "--out", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_bytes().startswith(b"{")


def test_a_reader_that_goes_away_is_no_fault(drawn: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tbspot", "prepare", str(drawn), "--out", str(tmp_path / "s")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said


def test_text_that_the_terminal_s_encoding_lacks_is_written_out(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "tbspot", "prepare", "Ærø", "--out", "x"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: \\xc6r\\xf8 does not exist")
