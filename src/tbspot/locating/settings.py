"""What a run of `locate` is made with, in one place.

Takes nothing; gives the frozen `LocateSettings` that the command line or `load_model` fills in and
a run folder records. What they do is said here, how it is done in model.py and run.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from tbspot.choices import MapRule, Method, Naming, ResultKind

__all__ = [
    "LocateSettings",
]


@dataclass(frozen=True)
class LocateSettings:
    """What a run is made with; another run of the same goes on with it.

    Attributes:
        films: paths or sources as given.
        split: of the data set, empty without one.
        model: name and version of the model.
        engine: that it runs in.
        method: that makes the maps.
        mirror: whether the mirrored film is averaged in; `None` = as the model says.
        scales: sizes to average over, relative to the model's.
        map_rule: how boxes are cut; `None` = as the model says.
        map_threshold: the rule's share; `None` = as the model says.
        threshold: score from which a film counts as TB; `None` = as the model says.
        calibration: fingerprint of the calibration that chose it, if one did.
        gate: whether films that are not to be judged are refused.
        follow_links: whether a symbolic link stands for the film that it leads to.
        overlays: whether pictures are made.
        names: of heat maps and pictures, see `folder.picture_stem`.
        dicom: kinds of results as DICOM that are made of films in DICOM.
    """

    films: tuple[str, ...] = ()
    split: str = ""
    model: str = ""
    engine: str = ""
    method: Method = "cam"
    mirror: bool | None = None
    scales: tuple[float, ...] = (1.0,)
    map_rule: MapRule | None = None
    map_threshold: float | None = None
    threshold: float | None = None
    calibration: str | None = None
    gate: bool = True
    follow_links: bool = False
    overlays: bool = True
    names: Naming = "auto"
    dicom: tuple[ResultKind, ...] = ()
