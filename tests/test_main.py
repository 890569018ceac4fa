from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ends import told_of
from pages import write_model
from tbspot import __version__, cli
from tbspot.errors import TbspotError

HEAVY = {"torch", "numpy", "scipy", "PIL", "onnxruntime", "lightning_fabric", "jinja2"}


def _tbspot(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tbspot", *arguments], capture_output=True, text=True, check=False
    )


def test_an_error_is_one_sentence_on_stderr_and_exit_code_1(tmp_path: Path) -> None:
    result = _tbspot("draw", str(tmp_path / "films"), "--count", "1")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: a data set of 1 films has too few of each class")
    assert result.stderr.count("\n") == 1


def test_a_fault_of_our_own_keeps_its_traceback_for_developers() -> None:
    code = (
        "import sys\n"
        "from tbspot import __main__ as entry, cli\n"
        "def app(): raise ZeroDivisionError\n"
        "cli.app = app\n"
        "entry.main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, check=False
    )
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError" in result.stderr


def test_an_error_of_many_lines_or_with_markup_is_printed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = TbspotError("[red]film[/red].png is empty; remove it")
    assert told_of(error, monkeypatch, capsys) == "error: [red]film[/red].png is empty; remove it\n"


@pytest.mark.parametrize(
    ("number", "name", "sentence"),
    [
        (errno.EROFS, "/cdrom/a.onnx", "/cdrom/a.onnx cannot be used (Read-only file system); "),
        (errno.EIO, "/mnt/a.png", "/mnt/a.png cannot be used (Input/output error); "),
        (errno.ESTALE, "/nfs/a", f"/nfs/a cannot be used ({os.strerror(errno.ESTALE)}); "),
        (errno.ENOTCONN, "/fuse/a", f"/fuse/a cannot be used ({os.strerror(errno.ENOTCONN)}); "),
        (errno.EACCES, b"/root/\xff", "/root/\ufffd cannot be used (Permission denied); "),
        (errno.ENAMETOOLONG, "a" * 300, f"{'a' * 80}... cannot be used (File name too long); "),
    ],
)
def test_what_a_file_system_refuses_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    name: str | bytes,
    sentence: str,
) -> None:
    end = "choose another path, or see to its disk\n"
    error = OSError(number, os.strerror(number), name)
    assert told_of(error, monkeypatch, capsys) == f"error: {sentence}{end}"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("name", [(), ("film.png",)])
def test_too_many_open_files_are_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    name: tuple[str, ...],
) -> None:
    error = OSError(number, "Too many open files", *name)
    assert told_of(error, monkeypatch, capsys) == (
        "error: no more files can be opened (Too many open files); allow more, by `ulimit -n`\n"
    )


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.ESTALE])
def test_a_disk_that_fails_within_a_file_is_not_taken_for_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    error = OSError(number, os.strerror(number))
    said = f"a file cannot be read or written ({os.strerror(number)}); see to the disks"
    assert told_of(error, monkeypatch, capsys).startswith(f"error: {said}")


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EBADF])
def test_what_no_disk_says_is_of_standard_output_also_where_it_keeps_nothing_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    """Under PYTHONUNBUFFERED, as in most containers, nothing is left to be flushed."""

    error = OSError(number, os.strerror(number))
    said = f"error: cannot write to standard output ({os.strerror(number)}); lead it elsewhere\n"
    assert told_of(error, monkeypatch, capsys) == said


# More than a pipe holds, whose reader comes late.
LONG = """
from tbspot import __main__ as entry, cli
cli.app = lambda: print("x" * 10**6)
entry.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_what_is_printed_to_a_pipe_that_does_not_wait_arrives_whole() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen([sys.executable, "-c", LONG], stdout=writing) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as said:
            assert len(said.read()) == 10**6 + 1
    assert process.returncode == 0


def test_a_name_too_long_for_the_file_system_is_one_sentence(tmp_path: Path) -> None:
    long = str(tmp_path / ("b" * 300))
    result = _tbspot("export", str(tmp_path / "model.safetensors"), "--out", f"{long}.onnx")
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "too long" in result.stderr
    assert result.stderr.count("\n") == 1


def test_help_names_every_command_and_exits_with_0() -> None:
    result = _tbspot("--help")
    assert result.returncode == 0
    commands = typer.main.get_command(cli.app).commands
    assert {"draw", "prepare"} <= set(commands)
    assert all(name in result.stdout for name in commands)


@pytest.mark.parametrize("arguments", [["--help"], ["draw", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from tbspot.cli import app\n"
        f"app({arguments!r}, standalone_mode=False)\n"
        f"heavy = sorted({HEAVY!r} & set(sys.modules))\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_command_has_a_help_with_an_example() -> None:
    for name, command in typer.main.get_command(cli.app).commands.items():
        assert "Example" in (command.help or ""), name
        assert f"tbspot {name}" in (command.help or ""), name


def test_a_mistyped_command_is_refused_with_exit_code_2() -> None:
    result = _tbspot("trian")
    assert result.returncode == 2
    assert "trian" in result.stderr


def test_the_version_is_the_installed_package_s() -> None:
    assert __version__.count(".") == 2


def test_alone_it_shows_its_help_in_three_groups_and_exits_with_0() -> None:
    said = _tbspot()
    assert said.returncode == 0
    groups = ("Use the released model", "Judge a model", "Make your own")
    places = [said.stdout.index(group) for group in groups]
    assert places == sorted(places)


def test_version_names_program_model_terms_and_engine() -> None:
    said = _tbspot("--version").stdout.splitlines()
    assert said[0].startswith(f"tbspot {__version__} (Apache-2.0), Python 3.")
    assert said[1].startswith("model tbspot-student ")
    assert "CC BY-NC-SA" in said[1]
    assert said[2].startswith("engine OpenVINO 20")
    assert said[3].startswith("torch")


def test_a_terminal_that_says_it_has_no_columns_is_not_believed() -> None:
    command = [sys.executable, "-m", "tbspot", "--version"]
    no_columns = os.environ | {"COLUMNS": "0"}
    said = subprocess.run(command, env=no_columns, capture_output=True, text=True, check=True)
    assert __version__ in said.stdout


@pytest.mark.slow
def test_a_film_from_a_standard_input_that_is_closed_or_empty_is_told_by_its_name(
    tmp_path: Path,
) -> None:
    model = write_model(tmp_path / "bright.onnx", "bright", 1)
    command = f"'{sys.executable}' -m tbspot locate - --json --model '{model}'"
    for source, said in (
        ("<&-", '"reason":"standard input is empty'),
        ("</dev/null", '"reason":"standard input is empty'),
        ("0>/dev/null", "lead a film into it"),
    ):
        ended = subprocess.run(
            ["sh", "-c", f"{command} {source}"], capture_output=True, text=True, check=False
        )
        assert ended.returncode == 1
        assert said in ended.stdout + ended.stderr
        assert "tbspot-held-" not in ended.stdout + ended.stderr
