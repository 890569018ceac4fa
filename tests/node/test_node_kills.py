"""kill -9 at any moment loses no film that was acknowledged, and answers none twice.

`TBSPOT_KILLS=100 pytest tests/node/test_node_kills.py` kills a node a hundred times.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tbspot.node.ledger import Ledger
from units import Archive, send, study_film, wait_for

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"),
]

KILLS = int(os.environ.get("TBSPOT_KILLS", "2"))
KILLING = Path(__file__).with_name("node_killing.py")
# Events of a start, and of a film from its coming to its end.
MOST_EVENTS = 90


class Nodes:
    """Runs nodes in forks of one process."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._process = subprocess.Popen(
            [sys.executable, KILLING],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    @property
    def log(self) -> Path:
        return self._place / "log"

    def start(self, **request: Any) -> int:
        """Start a node; gives its process."""
        given = {"log": str(self.log), "event": None, "seconds": 120, "tries": 1000} | request
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        return int(self._answer()["process"])

    def end(self) -> int:
        """Wait for the node's end; gives its status."""
        return int(self._answer()["status"])

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    forking = Nodes(tmp_path_factory.mktemp("nodes"))
    yield forking
    forking.close()


@pytest.fixture
def port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _send_until_it_is_acknowledged(port: int, film: Path, ended: threading.Event) -> None:
    while not ended.is_set():
        if send(port, film) == [0]:
            return
        ended.wait(0.05)


def _check(folder: Path, peer: Archive, films: int) -> None:
    """Each film is done once, and nothing is left of what was interrupted."""
    ledger = Ledger(folder / "queue.sqlite")
    counts = ledger.counts()
    assert counts == {"received": 0, "located": 0, "delivered": films, "aside": 0}
    assert {path.name for path in (folder / "films").iterdir()} == ledger.files()
    results = [line for film in ledger.films(9999) for line in ledger.results_of(film.id)]
    assert {path.name for path in (folder / "results").iterdir()} == {one.file for one in results}
    assert all(one.stored for one in results)
    ledger.close()
    base = sqlite3.connect(folder / "queue.sqlite")
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for one in peer.objects.values():
        answers[one.StudyInstanceUID][one.Modality] += 1
    assert len(answers) == films
    assert all(kinds == {"DX": 1, "SEG": 1} for kinds in answers.values())


def test_a_node_killed_at_any_moment_loses_no_film_and_answers_none_twice(
    nodes: Nodes, peer: Archive, port: int, tmp_path: Path
) -> None:
    moments = random.Random("node")
    folder, ended = tmp_path / "node", threading.Event()
    request = {"folder": str(folder), "port": port, "to": peer.address}
    films = [study_film(tmp_path / "films", number + 1) for number in range(KILLS)]
    units: list[threading.Thread] = []
    try:
        for film in films:
            unit = threading.Thread(target=_send_until_it_is_acknowledged, args=(port, film, ended))
            unit.start()
            units.append(unit)
            by_event = moments.random() < 0.8
            event = moments.randint(1, MOST_EVENTS) if by_event else None
            nodes.start(**request, event=event, seconds=moments.uniform(0.1, 4))
            assert nodes.end() == -signal.SIGKILL, nodes.log.read_text()
        before = nodes.log.read_text().count('"started"')
        process = nodes.start(**request, seconds=600)
        for unit in units:
            unit.join(120)
        wait_for(lambda: len(peer.objects) == 2 * len(films), 300)
        # Those before may have delivered all; only one that has started is asked to end.
        wait_for(lambda: nodes.log.read_text().count('"started"') > before)
        os.kill(process, signal.SIGTERM)
        assert nodes.end() == 128 + signal.SIGTERM, nodes.log.read_text()
    finally:
        ended.set()
    _check(folder, peer, len(films))


def test_a_film_that_ends_the_process_each_time_is_set_aside_and_others_are_answered(
    nodes: Nodes, peer: Archive, port: int, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    request = {"folder": str(folder), "port": port, "to": peer.address, "tries": 3, "deadly": True}
    deadly = study_film(tmp_path, 1, StudyDescription="DEADLY")
    nodes.start(**request)
    wait_for(lambda: send(port, deadly) == [0])
    for _ in range(3):
        assert nodes.end() == -signal.SIGKILL, nodes.log.read_text()
        process = nodes.start(**request)
    wait_for(lambda: send(port, study_film(tmp_path, 2)) == [0])
    wait_for(lambda: len(peer.objects) == 2)
    os.kill(process, signal.SIGTERM)
    assert nodes.end() == 128 + signal.SIGTERM
    ledger = Ledger(folder / "queue.sqlite")
    assert ledger.counts() == {"received": 0, "located": 0, "delivered": 1, "aside": 1}
    film = ledger.film(1)
    assert film is not None
    assert film.reason == "the node was ended 3 times while it had this film in hand"
    ledger.close()
