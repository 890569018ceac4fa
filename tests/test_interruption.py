from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# A command that works until it is asked to end, and says that it could close what it opened.
WORKING = """
import signal, sys, time
from tbspot import cli
from tbspot.__main__ import main

WORDS = sys.argv[1:]

def work():
    import typer
    app = typer.Typer()
    @app.command()
    def wait():
        try:
            print("working", flush=True)
            time.sleep(600)
        except Exception:
            print("swallowed")
        except BaseException as error:
            if "changed by a library" in WORDS:
                raise ImportError("initialization failed") from None
            raise
        finally:
            if "slow to close" in WORDS:
                print("closing", flush=True)
                time.sleep(600)
            print("closed", flush=True)
    sys.argv = ["tbspot"]
    app()

cli.app = work
if "ignored" in WORDS:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
main()
"""


def _start(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WORKING, *arguments]
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGTERM")
@pytest.mark.parametrize(
    ("number", "name", "code"),
    [
        (signal.SIGINT, "Ctrl+C", 130),
        (signal.SIGTERM, "SIGTERM", 143),
        (getattr(signal, "SIGHUP", None), "SIGHUP", 129),
    ],
)
def test_a_command_that_is_asked_to_end_does_so_with_one_sentence(
    number: signal.Signals, name: str, code: int
) -> None:
    with _start() as process:
        process.send_signal(number)
        said, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert said == "closed\n"
    assert told == (
        f"ended by {name}: what was finished is kept; run the same command again to go on\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGTERM")
def test_an_end_that_a_library_made_an_error_of_its_own_of_is_no_fault() -> None:
    with _start("changed by a library") as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.startswith("ended by Ctrl+C")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no terminals that hang up")
def test_the_end_of_a_terminal_that_takes_no_sentence_any_more_is_no_fault() -> None:
    with _start() as process:
        assert process.stderr is not None
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        said = process.stdout.read()
    assert process.returncode == 129
    assert said == "closed\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGTERM")
def test_what_the_caller_ignores_stays_ignored() -> None:
    with _start("ignored") as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert told.startswith("ended by SIGTERM")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGTERM")
def test_a_second_signal_is_not_caught() -> None:
    # In a process of its own: who runs the tests, or a test before, may hold these signals.
    with _start("slow to close") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "closing\n"
        process.send_signal(signal.SIGTERM)
        said, told = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert (said, told) == ("", "")
