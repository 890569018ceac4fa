"""What a caller of the library may ask of a training, before anything is read or replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning_fabric import Fabric

import tbspot
from tbspot.errors import TbspotError
from tbspot.training.devices import launch_fabric

SETTINGS = tbspot.TrainingSettings(data=("films",))


@pytest.mark.parametrize("settings", [None, {"data": ("films",)}, tbspot.TrainingSettings])
def test_what_are_no_settings_are_a_type_error(tmp_path: Path, settings: Any) -> None:
    for start in (tbspot.train, tbspot.distill):
        with pytest.raises(TypeError, match=r"are no settings; give tbspot\.TrainingSettings"):
            start(settings, tmp_path)


@pytest.mark.parametrize("overwrite", ["no", None, 2])
def test_what_is_no_yes_replaces_no_run(tmp_path: Path, overwrite: Any) -> None:
    (tmp_path / "run.json").write_text("{}", "utf-8")
    with pytest.raises(TbspotError, match="`overwrite` must be True or False, not"):
        tbspot.train(SETTINGS, tmp_path, overwrite=overwrite)
    assert (tmp_path / "run.json").read_text("utf-8") == "{}"


def test_more_processes_than_there_are_devices_are_never_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Fabric, "launch", lambda _: pytest.fail("processes are started"))
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    for devices in ((os.cpu_count() or 1) + 99, "9999"):
        # The latter where there are GPUs.
        with pytest.raises(TbspotError, match=r"use fewer `devices`|is not possible here"):
            launch_fabric("32-true", devices)


def test_a_number_of_devices_may_be_of_numpy() -> None:
    assert launch_fabric("32-true", np.int64(1)).world_size == 1  # type: ignore[arg-type]


def test_a_precision_that_needs_a_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("transformer_engine is not installed")

    monkeypatch.setattr("tbspot.training.devices.Fabric", without)
    with pytest.raises(TbspotError, match="precision transformer-engine on devices 1 is not"):
        launch_fabric("transformer-engine", 1)
