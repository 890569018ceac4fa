"""A node and its page as tests see them: quick settings, what it tells, films sent over the web."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pages import Answer, Server
from tbspot.node.service import Node
from tbspot.node.settings import Limits, NodeSettings, Pauses
from tbspot.viewer.node_serving import page_of

__all__ = ["SETTINGS", "Told", "a_page", "posted", "stow"]

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
