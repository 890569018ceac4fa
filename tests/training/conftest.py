"""What trainings of tests run on."""

from __future__ import annotations

import pytest
from lightning_fabric import Fabric


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    """One process on the CPU, in float32."""
    return Fabric(accelerator="cpu", devices=1, precision="32-true")
