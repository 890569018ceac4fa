from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from starlette.requests import ClientDisconnect

from pages import Page, Places, serving
from tbspot.errors import TbspotError
from tbspot.records.predictions import Prediction
from tbspot.viewer import drops as module
from tbspot.viewer.cases import Case
from tbspot.viewer.drops import BusyError, Drops, Judged
from tbspot.viewer.judge import Judge


async def parts(*content: bytes) -> AsyncIterator[bytes]:
    for part in content:
        yield part


class Gate:
    """A judge that waits until it is let go, and remembers what it saw."""

    def __init__(self, size: int = 1) -> None:
        self.open = threading.Event()
        self.seen: list[bytes] = []
        self.files: list[Path] = []
        self._size = size

    def __call__(self, file: Path, name: str) -> Judged:
        self.open.wait(10)
        self.seen.append(file.read_bytes())
        self.files.append(file)
        said = Prediction(image=name, status="failed", reason="no film", model="", version="")
        return Judged(Case(said, lambda: np.zeros((1, 1), np.float32), None), self._size)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def drops(gate: Gate) -> Iterator[Drops]:
    queue = Drops(gate)
    yield queue
    gate.open.set()
    queue.close()


def receive(drops: Drops, content: bytes) -> str:
    return asyncio.run(drops.receive(len(content), parts(content[:2], content[2:])))


def finish(drops: Drops, gate: Gate, *names: str) -> None:
    gate.open.set()
    for name in names:
        while (progress := drops.progress(name)) is not None and progress.case is None:
            threading.Event().wait(0.005)


def test_films_are_judged_in_order_and_say_how_many_are_ahead(drops: Drops, gate: Gate) -> None:
    names = [receive(drops, f"film{number}".encode()) for number in range(4)]
    ahead = [drops.progress(name).ahead for name in names]  # type: ignore[union-attr]
    assert ahead == [0, 1, 2, 3]
    finish(drops, gate, *names)
    assert gate.seen == [b"film0", b"film1", b"film2", b"film3"]


def test_a_file_is_gone_once_it_is_read(drops: Drops, gate: Gate) -> None:
    name = receive(drops, b"film")
    finish(drops, gate, name)
    drops.close()
    assert not gate.files[0].exists()
    assert not gate.files[0].parent.exists()


def test_only_this_user_can_look_into_the_folder_of_waiting_films(drops: Drops, gate: Gate) -> None:
    name = receive(drops, b"film")
    finish(drops, gate, name)
    assert gate.files[0].parent.stat().st_mode & 0o077 == 0


def test_a_film_that_is_forgotten_before_its_turn_is_not_looked_at(
    drops: Drops, gate: Gate
) -> None:
    first, second, third = (receive(drops, text) for text in (b"one", b"two", b"three"))
    drops.forget(second)
    finish(drops, gate, first, third)
    assert drops.progress(second) is None
    assert gate.seen == [b"one", b"three"]


def test_names_of_films_cannot_be_guessed(drops: Drops) -> None:
    names = {receive(drops, b"film") for _ in range(20)}
    assert len(names) == 20
    assert all(len(name) >= 16 for name in names)
    assert drops.progress("0") is None


def test_when_too_much_waits_films_are_turned_away(
    drops: Drops, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    names = [receive(drops, b"film") for _ in range(2)]
    with pytest.raises(BusyError):
        receive(drops, b"film")
    finish(drops, gate, *names)
    receive(drops, b"film")
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 3)
    with pytest.raises(BusyError):
        receive(drops, b"film")


def test_old_results_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 3)
    gate = Gate()
    drops = Drops(gate)
    names = [receive(drops, b"film") for _ in range(5)]
    finish(drops, gate, *names)
    drops.close()
    assert [drops.progress(name) is None for name in names] == [True, True, False, False, False]


def test_large_results_make_room_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT_BYTES", 25)
    gate = Gate(size=10)
    drops = Drops(gate)
    names = [receive(drops, b"film") for _ in range(4)]
    finish(drops, gate, *names)
    drops.close()
    assert [drops.progress(name) is None for name in names] == [True, True, False, False]


def test_a_browser_that_goes_away_leaves_nothing(drops: Drops, gate: Gate) -> None:
    async def torn() -> AsyncIterator[bytes]:
        yield b"fi"
        raise ClientDisconnect

    with pytest.raises(ClientDisconnect):
        asyncio.run(drops.receive(4, torn()))
    name = receive(drops, b"film")
    finish(drops, gate, name)
    assert list(gate.files[0].parent.iterdir()) == []


def test_a_full_disk_is_one_sentence(drops: Drops) -> None:
    async def too_long() -> AsyncIterator[bytes]:
        yield b"fi"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sentence = "cannot be kept until it is read .No space left on device.; free space in"
    with pytest.raises(TbspotError, match=sentence):
        asyncio.run(drops.receive(4, too_long()))


def test_what_a_disk_that_became_read_only_keeps_of_a_film_takes_no_place_in_the_queue(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    async def torn() -> AsyncIterator[bytes]:
        yield b"fi"
        refuse()

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with pytest.raises(TbspotError, match=r"until it is read \(Read-only"):
            asyncio.run(drops.receive(4, torn()))
    assert (drops._waiting, drops._waiting_bytes) == (0, 0)


def test_a_fault_of_the_model_costs_one_film_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge(tmp_path / "absent.onnx", gate=False)
    film = tmp_path / "film.png"
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(film)
    said = judge(film, "the film").case.prediction
    assert said.status == "failed"
    assert said.reason == f"{tmp_path / 'absent.onnx'} does not exist; give a model file of tbspot"

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("tbspot.viewer.judge.load_model", fail)
    said = judge(film, "the film").case.prediction
    assert (said.status, said.reason) == (
        "failed",
        "the film could not be judged: a fault of tbspot",
    )
    # What an error says may repeat what a file holds: the report has its kind and place alone.
    assert "a fault of tbspot (RuntimeError); a report" in caplog.text
    assert "out of luck" not in caplog.text


def test_a_film_that_is_no_chest_film_is_refused_with_a_reason(places: Places) -> None:
    with serving("--model", places.model) as page:
        film = next(places.films.glob("tb/*.png")).read_bytes()
        address = page.drop(film)
        progress = page.wait(address)
        assert progress["status"] == "refused"
        assert "128 x 128 pixels are too few" in progress["reason"]
        shown = page.ask(address).text
        assert "No score: refused" in shown
        assert "128 x 128 pixels are too few" in shown
        assert page.ask(f"{address}/pixels").status == 200


def test_fifty_films_at_once_are_all_answered(page: Page, places: Places) -> None:
    good = next(places.films.glob("tb/*.png")).read_bytes()
    contents = [good if number % 3 else b"" if number % 2 else good[:200] for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        addresses = list(pool.map(page.drop, contents))
        answers = list(pool.map(page.wait, addresses))
    assert len(set(addresses)) == 50
    expected = ["ok" if number % 3 else "failed" for number in range(50)]
    assert [answer["status"] for answer in answers] == expected
    assert len({answer["score"] for answer in answers if answer["status"] == "ok"}) == 1


def test_a_connection_that_breaks_while_sending_harms_nobody(page: Page, places: Places) -> None:
    parts_of_address = urlsplit(page.address)
    host = f"{parts_of_address.hostname}:{parts_of_address.port}"
    for _ in range(5):
        with socket.create_connection((parts_of_address.hostname, parts_of_address.port)) as broken:
            head = f"POST /drops HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n"
            broken.sendall(head.encode() + b"part")
    good = next(places.films.glob("tb/*.png")).read_bytes()
    assert page.wait(page.drop(good))["status"] == "ok"


def test_a_film_that_is_forgotten_while_it_is_asked_for_is_not_known(drops: Drops) -> None:
    drops._films["a"] = forgotten = Future()
    forgotten.cancel()
    assert drops.progress("a") is None
    del drops._films["a"]
