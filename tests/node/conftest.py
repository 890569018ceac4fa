"""Fixtures of the node."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="the extra hospital is not installed")

from nodes import SETTINGS, Told
from tbspot.node.service import Node, running
from units import Archive, archive, bright_model

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
