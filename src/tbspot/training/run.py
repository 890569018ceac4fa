"""Training as a caller starts it: settings and a folder, on the devices that there are.

Takes settings and a folder; gives the model file. How it is trained is left to loop.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tbspot.choices import yes_or_no
from tbspot.errors import TbspotError
from tbspot.extras import needing
from tbspot.pathnames import as_given_path
from tbspot.training.settings import TrainingSettings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["distill", "train"]


def train(
    settings: TrainingSettings,
    folder: str | os.PathLike[str],
    *,
    precision: str = "auto",
    devices: str | int = "auto",
    overwrite: bool = False,
) -> Path:
    """Train a teacher on image labels, or go on where an earlier call was interrupted.

    Args:
        settings: what to do.
        folder: the run's folder, which `tbspot train` resumes too.
        precision: `32-true`, `bf16-mixed`, or `auto`: bfloat16 where the hardware multiplies it.
        devices: of Lightning Fabric: a number of them, not more than there are, or `auto`.
        overwrite: replace another run in the folder, once data and weights are seen to be there.

    Returns:
        The model file.

    Raises:
        TbspotError: data, weights or checkpoint are not as they must be, the folder holds another
            run or has no name, devices or precision are not to be had here, `overwrite` is
            neither True nor False, or the disk is full.
        TypeError: the settings are none.
        MissingExtraError: torch is not installed.
    """
    if _checked(settings).teachers:
        raise TbspotError("these settings name teachers; use distill")
    return _run(settings, folder, precision, devices, overwrite=overwrite)


def distill(
    settings: TrainingSettings,
    folder: str | os.PathLike[str],
    *,
    precision: str = "auto",
    devices: str | int = "auto",
    overwrite: bool = False,
) -> Path:
    """Teach a student what `settings.teachers` say; else as `train`."""
    if not _checked(settings).teachers:
        raise TbspotError("these settings name no teacher; give `teachers`, or use train")
    return _run(settings, folder, precision, devices, overwrite=overwrite)


def _checked(settings: TrainingSettings) -> TrainingSettings:
    if not isinstance(settings, TrainingSettings):
        raise TypeError(f"{settings!r} are no settings; give tbspot.TrainingSettings")
    return settings


def _run(
    settings: TrainingSettings,
    folder: str | os.PathLike[str],
    precision: str,
    devices: str | int,
    *,
    overwrite: bool,
) -> Path:
    place = as_given_path(folder, "folder")
    overwrite = yes_or_no("overwrite", overwrite)
    with needing("train", "training"):
        from tbspot.training import loop
        from tbspot.training.devices import launch_fabric
    fabric: Fabric = launch_fabric(precision, devices)
    return loop.train(settings, place, fabric, overwrite=overwrite)
