"""A temperature that is laid beside a model leaves the films that it calls as they are."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tbspot.numerics import sigmoid

SCRIPT = Path(__file__).parents[2] / "runs" / "temperature.py"


@pytest.fixture(scope="module")
def temperature() -> ModuleType:
    sys.path.insert(0, str(SCRIPT.parent))  # it imports its neighbour
    try:
        spec = importlib.util.spec_from_file_location("temperature", SCRIPT)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPT.parent))
    return module


@pytest.mark.parametrize("threshold", [0.0, 0.12, 0.5, 0.545, 1.0])
@pytest.mark.parametrize("ratio", [0.45, 1.38])
def test_the_same_films_are_called(temperature: ModuleType, threshold: float, ratio: float) -> None:
    logits = np.linspace(-6, 6, 101) + 0.01
    called = sigmoid(logits) >= threshold
    assert ((sigmoid(logits / ratio) >= temperature.moved(threshold, ratio)) == called).all()
