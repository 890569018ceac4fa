from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pages import Places, serving
from tbspot.errors import TbspotError
from tbspot.viewer import ViewSettings
from tbspot.viewer import serving as module
from tbspot.viewer.serving import serve


def test_it_prints_its_address_and_ends_with_ctrl_c_without_a_trace(places: Places) -> None:
    with serving(places.run, "--model", places.model) as page:
        assert page.address.startswith("http://127.0.0.1:")
        folders = set(Path(tempfile.gettempdir()).glob("tbspot-held-*"))
        page.wait(page.drop(b"no film"))
        page.process.send_signal(signal.SIGINT)
        _, complaint = page.process.communicate(timeout=60)
    assert page.process.returncode == 0
    assert complaint == ""
    assert len(set(Path(tempfile.gettempdir()).glob("tbspot-held-*"))) < len(folders)


def test_a_single_film_is_shown_as_if_it_had_been_dropped(places: Places) -> None:
    film = next(places.films.glob("tb/*.png"))
    with serving(film, "--model", places.model, "--no-gate") as page:
        address = urlsplit(page.address).path
        assert address.startswith("/drop/")
        assert page.wait(address)["status"] == "ok"
        text = page.ask(address).text
        assert f"<h1>{film.name}</h1>" in text
        assert "Drop another film" in text
        assert "No run is open" in page.ask("/").text
    assert film.is_file()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"shown": "absent"}, "absent does not exist; name a folder of `tbspot locate`, or a film"),
        ({"shown": "."}, "holds no predictions.jsonl; make one with `tbspot locate`"),
        ({"shown": "empty"}, "empty holds no prediction; run `tbspot locate` on the films"),
        ({"shown": None, "beside": "."}, "--beside needs a run to stand beside"),
        ({"shown": None, "films": "."}, "--films says where a run's films are; name the run's"),
        ({"shown": ".", "films": "gone"}, "gone does not exist; name where the run's films are"),
        ({"shown": None, "model": "absent"}, "absent does not exist; give a model file of tbspot"),
        ({"shown": None, "calibration": "."}, "threshold.json cannot be read"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str | None], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "predictions.jsonl").touch()
    settings = ViewSettings(**{name: path and Path(path) for name, path in given.items()})
    with pytest.raises(TbspotError, match=re.escape(sentence)):
        serve(settings, print)


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tbspot", "view", str(tmp_path), "--no-browser"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"error: {tmp_path} holds no predictions.jsonl")
    assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_sentence_and_leaves_no_folder(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = f"cannot listen on 127.0.0.1, port {port} .*; choose another with --port"
        with pytest.raises(TbspotError, match=sentence):
            serve(ViewSettings(shown=places.run, model=places.model, port=port), print)
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_temporary_files_a_run_is_shown_and_films_are_not_taken(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with closing(module._site(ViewSettings(shown=places.run, model=places.model))) as site:
        assert site.run is not None
        assert site.drops is None
        assert "no temporary files can be written (No such file" in site.why_no_drops
    with pytest.raises(TbspotError, match="no temporary files can be written"):
        serve(ViewSettings(shown=None, model=places.model), print)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_no_film(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(TbspotError, match=f"{path} is a pipe or device; name a folder"):
            serve(ViewSettings(shown=path), print)


def test_without_a_model_a_run_is_shown_and_films_are_not_taken(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Path:
        raise TbspotError("no released model at hand; give a model file")

    monkeypatch.setattr(module, "released_model", none)
    site = module._site(ViewSettings(shown=places.run))
    assert site.run is not None
    assert site.drops is None
    assert site.why_no_drops == "no released model at hand; give a model file"
    site.close()
    with pytest.raises(TbspotError, match="no released model at hand"):
        serve(ViewSettings(shown=next(places.films.glob("tb/*.png"))), print)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - what is tested
        ("::", False),
        ("192.168.1.5", False),
        ("films.example", False),
    ],
)
def test_only_addresses_of_this_machine_need_no_token(host: str, loopback: bool) -> None:
    assert module.is_loopback(host) is loopback
