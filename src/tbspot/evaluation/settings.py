"""What is judged and against what, checked before anything is read.

Takes paths, names and numbers; gives `EvaluationSettings`. What is done with them is left to
protocol.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tbspot.errors import TbspotError
from tbspot.settings import Resamples, Seed, Settings

__all__ = ["JUDGED", "TEACHER", "EvaluationSettings"]

# What the judged model and its teacher are called where tuning folders are named.
JUDGED = ""
TEACHER = "teacher"


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """What is judged, and against what.

    Attributes:
        predictions: of the judged model: a folder that `tbspot locate` wrote, a folder of maps, or
            a file of boxes (COCO results or CSV). So may be all the others.
        out: folder that evaluation.json will lie in.
        data: sources of films, labels and boxes.
        split: name of the split to report on.
        split_file: from `tbspot prepare`, if any.
        teacher: folder of the teacher's predictions of the same films.
        controls: further folders, by name.
        tuning_split: whose boxes choose thresholds and fit controls.
        tuning: folders of predictions of the tuning split: of the judged model under the empty
            name, of the teacher under `teacher`, of controls under their names.
        coco_images: COCO file whose list of images the ids of COCO results are of.
        training: folder of the judged model's predictions of training films, for the box-free
            share of area and the box-free fitted controls.
        resamples: bootstrap samples and sign flips, 100 or more.
        seed: of them.
    """

    predictions: Path
    out: Path
    data: tuple[str, ...]
    split: str
    split_file: Path | None = None
    teacher: Path | None = None
    controls: Mapping[str, Path] = field(default_factory=dict)
    tuning_split: str | None = None
    tuning: Mapping[str, Path] = field(default_factory=dict)
    training: Path | None = None
    coco_images: Path | None = None
    resamples: Resamples = 10_000
    seed: Seed = 0

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if self.tuning and self.tuning_split is None:
            raise TbspotError("--tuning needs --tuning-split NAME, the split of those predictions")
        unknown = sorted(set(self.tuning) - {JUDGED} - set(self.rivals()))
        if unknown:
            raise TbspotError(
                f"--tuning {unknown[0]}=... names no model that is judged; "
                "give it with --teacher or --control too"
            )

        given = (self.predictions, *self.rivals().values(), *self.tuning.values(), self.training)
        if self.coco_images and not any(one and one.suffix.lower() == ".json" for one in given):
            raise TbspotError(
                "--boxes-images lists the images of COCO results (.json), and there are none; "
                "give them with --boxes, or leave it out"
            )

    def rivals(self) -> dict[str, Path]:
        """Folders of the other models, by name."""
        teacher = {TEACHER: self.teacher} if self.teacher else {}
        return teacher | dict(self.controls)
