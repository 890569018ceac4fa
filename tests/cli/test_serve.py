"""`tbspot serve`: what it says of a set-up, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pages import write_model
from tbspot.cli import app

pytest.importorskip("pynetdicom", reason="the extra hospital is not installed")

from nodes import posted, stow
from pages import Server
from tbspot.lock import holding
from tbspot.node import NodeSettings
from tbspot.node.objects import read_sent
from tbspot.node.store import Store
from units import send, study_film, wait_for

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests' files keep their modes."""
    monkeypatch.setattr(os, "umask", lambda _: 0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("serve") / "bright.onnx", "bright", 1)


def test_a_check_says_what_is_wrong_and_stores_nothing(model: Path, tmp_path: Path) -> None:
    arguments = ["serve", str(tmp_path / "node"), "--check", "--port", "0", "--model", str(model),
                 "--page-port", "0", "--free-gigabytes", "0",
                 "--watch", str(tmp_path / "absent")]  # fmt: skip
    given = RUNNER.invoke(app, [*arguments, "--to", "X@127.0.0.1:1"])
    assert "archive, watched of this set-up will not do" in str(given.exception)
    lines = given.stdout.splitlines()
    assert [line for line in lines if line.startswith("WRONG")] == [
        "WRONG archive: no archive answers there: check host, port and AE title",
        f"WRONG watched: {tmp_path / 'absent'} is no folder that can be read and emptied",
    ]
    assert [line.split()[1] for line in lines] == [
        "folder:", "port:", "archive:", "watched:", "disk:", "model:", "clock:",
        "page:",
    ]  # fmt: skip


def _checked(model: Path, folder: Path, *options: str) -> str:
    arguments = ["serve", str(folder), "--check", "--port", "0", "--model", str(model),
                 "--page-port", "0", "--free-gigabytes", "0", *options]  # fmt: skip
    return RUNNER.invoke(app, arguments).stdout


def test_a_check_leaves_no_folder_and_no_film_other_than_it_was(
    model: Path, tmp_path: Path
) -> None:
    mistyped = tmp_path / "a" / "nod"
    assert f"ok    folder: {mistyped} is not there yet" in _checked(model, mistyped)
    assert not (tmp_path / "a").exists()
    films = tmp_path / "mine" / "films"
    films.mkdir(parents=True)
    study_film(films)
    (films / ".x.dcm.tbspot-0123abcd.part").write_text("half")
    assert "no node has been in it" in _checked(model, tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.glob("mine/**/*")) == [
        ".x.dcm.tbspot-0123abcd.part", "1.dcm", "films",
    ]  # fmt: skip


def test_a_check_counts_the_films_of_a_node(model: Path, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "node")) as store:
        store.take(read_sent(study_film(tmp_path), 1 << 20), "UNIT")
    assert "can be written; 1 films wait, 0 aside" in _checked(model, tmp_path / "node")


def test_a_fault_of_one_look_does_not_hide_the_others(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("PLANTED")

    monkeypatch.setattr("tbspot.node.checking.Receiver", break_down)
    said = _checked(model, tmp_path / "node")
    assert "WRONG port: a fault of tbspot (RuntimeError)" in said
    assert "ok    model:" in said
    assert "PLANTED" not in said


@pytest.mark.parametrize("option", ["--page-port", "--health-port"])
def test_a_port_that_is_taken_is_told_before_films_are_taken(
    model: Path, tmp_path: Path, option: str
) -> None:
    arguments = ["serve", str(tmp_path / "node"), "--model", str(model), "--port", "0"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = RUNNER.invoke(app, [*arguments, "--page-port", "0", option, port])
        said = _checked(model, tmp_path / "node", option, port)
    name = option.removeprefix("--").removesuffix("-port")
    assert f"choose another with {option}\n" in said
    assert f"cannot listen on 127.0.0.1, port {port}" in str(given.exception)
    assert f"WRONG {name}: cannot listen" in said
    assert not (tmp_path / "node").exists()


def test_a_folder_in_which_a_node_works_is_told_before_its_ports(
    model: Path, tmp_path: Path
) -> None:
    arguments = ["serve", str(tmp_path), "--model", str(model), "--port", "0", "--page-port"]
    with socket.create_server(("127.0.0.1", 0)) as taken, holding(tmp_path):
        given = RUNNER.invoke(app, [*arguments, str(taken.getsockname()[1])])
    assert f"another run of tbspot is using {tmp_path}" in str(given.exception)


def test_films_are_kept_for_as_long_as_settings_allow() -> None:
    most = 100_000.0
    assert NodeSettings(folder=Path("a"), keep_days=most).keep_days == most
    given = RUNNER.invoke(app, ["serve", "a", "--keep", str(most + 1)])
    assert given.exit_code == 2
    assert "--keep" in given.output
    assert "--keep-days" not in given.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--title", "CHEST ROOM NORTH 2"], "is no AE title"),
        (["--titles", "", "--check"], "is no AE title"),
        (["--kinds", "pdf"], "--kinds 'pdf' must be of sc, seg, sr"),
        (["--tls-key", "key.pem"], "TLS needs both"),
        (["--to", "nowhere"], "is no address of an archive"),
        (["--host", "0.0.0.0"], "open to other machines"),  # noqa: S104 - refused
        (["--page-host", "0.0.0.0", "--identities", "--port", "0"], "shown on this machine alone"),  # noqa: S104 - refused
    ],
)
def test_a_setting_that_is_wrong_is_one_sentence(
    options: list[str], said: str, model: Path, tmp_path: Path
) -> None:
    given = RUNNER.invoke(app, ["serve", str(tmp_path / "node"), "--model", str(model), *options])
    assert said in str(given.exception)
    assert not (tmp_path / "node").exists()


@pytest.mark.slow
def test_a_node_that_is_asked_to_end_finishes_the_film_in_hand(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tbspot", "serve", tmp_path / "node", "--port", "0",
               "--page-port", "0", "--no-gate", "--model", model]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = json.loads(process.stdout.readline())["port"]
    assert send(port, study_film(tmp_path)) == [0]
    process.send_signal(signal.SIGTERM)
    told, errors = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert errors.startswith("ended by SIGTERM")
    last = json.loads(told.splitlines()[-1])
    assert last["event"] == "ended"
    assert last["received"] + last["located"] == 1
    assert (tmp_path / "node").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_node_shows_its_page_and_says_nothing_of_what_is_sent_there(
    model: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tbspot", "serve", tmp_path / "node", "--port", "0",
               "--page-port", "0", "--no-gate", "--identities", "--model", model]  # fmt: skip
    film = study_film(tmp_path).read_bytes()
    # A film whose instance is no UID, of which pydicom would say so aloud.
    odd = film.replace(b"1.2.826.0.1.3680043", b"PLANTED.AS.INSTANCE")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            page = Server(json.loads(process.stdout.readline())["address"])
            for body, status in ((posted(film), 200), (b"PLANTED", 400), (posted(odd), 409)):
                assert stow(page, body).status == status
            wait_for(lambda: "PLANTED-ID" in page.ask("/").text)
        finally:
            process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=60)
    for secret in ("PLANTED", "ACC-1", "3680043"):
        assert secret not in told + errors
    assert json.loads(told.splitlines()[-1])["event"] == "ended"
