"""What `tbspot --version` says: program, released model and its terms, engine, torch if any."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from tbspot import __version__
from tbspot.engine.engine import open_engine
from tbspot.errors import TbspotError

__all__ = ["version_lines"]


def version_lines() -> Iterator[str]:
    """A line for each part."""
    yield f"tbspot {__version__} (Apache-2.0), Python {platform.python_version()}"
    try:
        model = open_engine(device="cpu").description
        yield f"model {model.title} ({model.terms})"
    except TbspotError as error:
        yield f"model: {error}"
    yield f"engine OpenVINO {version('openvino').partition('-')[0]}"
    try:
        yield f"torch {version('torch')}"
    except PackageNotFoundError:
        yield "torch: not installed (needed to train, and for GPUs)"
