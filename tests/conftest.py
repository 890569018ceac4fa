"""Films that every test may use: drawn ones only, drawn once a session.

Gives paths; nothing here is written to by a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tbspot.drawings import draw_dataset

# The same examples on every run, however busy the machine.
settings.register_profile("tbspot", deadline=None, derandomize=True)
settings.load_profile("tbspot")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set in TBX11K's layout: 48 films of 128 pixels, 16 of each class, 12 in val."""
    folder = tmp_path_factory.mktemp("drawn")
    draw_dataset(folder, count=48, size=128, seed=7)
    return folder


@pytest.fixture(scope="session")
def film_path(drawn: Path) -> Path:
    """One drawn TB film, a grey PNG of 128 x 128 pixels."""
    return drawn / "imgs" / "tb" / "tb0001.png"


@pytest.fixture
def small_disk() -> Iterator[None]:
    """A disk that has no room for a file of more than a mebibyte."""
    resource = pytest.importorskip("resource", reason="limits of files are POSIX's")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
