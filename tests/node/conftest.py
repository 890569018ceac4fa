"""Fixtures of the node."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="the extra hospital is not installed")

from pages import Answer, Server
from tbspot.node.service import Node, running
from tbspot.node.settings import Limits, NodeSettings, Pauses
from tbspot.viewer.station_serving import page_of
from units import Archive, archive, bright_model

DICOM = "application/dicom"
FAST = Pauses(first=0.05, longest=0.2)
LIMITS = Limits(free_bytes=0, pdu_seconds=5, silence_seconds=10)
SETTINGS = NodeSettings(
    Path(),
    port=0,
    kinds=("sc",),
    limits=LIMITS,
    film_pauses=FAST,
    archive_pauses=FAST,
    watch_seconds=0.05,
)


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pynetdicom's own server, of the tests' archives, leaves sockets to the collector."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(
                pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
            )


@pytest.fixture(autouse=True, scope="module")
def _collected() -> Iterator[None]:
    """Garbage is collected within the tests that made it."""
    yield
    gc.collect()


class Told(list[dict[str, Any]]):
    """What a node tells."""

    def __call__(self, event: str, **facts: Any) -> None:
        self.append({"event": event, **facts})

    def events(self) -> list[str]:
        return [str(one["event"]) for one in self]


@contextmanager
def a_page(node: Node, host: str = "127.0.0.1") -> Iterator[Server]:
    """The page of a node."""
    with page_of(node, host, 0) as address:
        port = address.rpartition(":")[2].strip("/")
        yield Server(f"http://127.0.0.1:{port}/")


def posted(*films: Path | bytes, boundary: str = "b", media_type: str = DICOM) -> bytes:
    """Films as the body of a STOW-RS request."""
    parts = [film if isinstance(film, bytes) else film.read_bytes() for film in films]
    head = f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\n\r\n".encode()
    return b"".join(head + part for part in parts) + f"\r\n--{boundary}--\r\n".encode()


def stow(page: Server, body: bytes, path: str = "studies", **headers: str) -> Answer:
    """Send a body to store."""
    kind = {"Content-Type": f'multipart/related; type="{DICOM}"; boundary=b'}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return page.ask(f"/dicom-web/{path}", "POST", body, kind | named)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def peer() -> Iterator[Archive]:
    """An archive that stores everything."""
    with archive() as kept:
        yield kept


@pytest.fixture
def start(tmp_path: Path, told: Told) -> Iterator[Callable[..., Node]]:
    """Start a node in a folder of the test's; settings may be changed. Ended with the test."""
    with ExitStack() as stack:

        def begin(model: Any = None, **changes: Any) -> Node:
            given = replace(SETTINGS, folder=tmp_path / "node", **changes)
            return stack.enter_context(running(given, model or bright_model(), told))

        yield begin
