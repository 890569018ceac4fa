"""What frozen teachers say of the films their student is shown.

Takes model files and films; gives a logit and a normalised map a film, averaged over teachers.
How a student is held to them is in losses.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tbspot.choices import TeacherMap
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.nets.attribution import fine_layer_cam
from tbspot.nets.classifier import Classifier
from tbspot.nets.folding import fold_batch_norm
from tbspot.nets.weights import load_classifier
from tbspot.training.cache import CachedFilms, remembered
from tbspot.training.devices import precision_of
from tbspot.training.halves import halved
from tbspot.training.losses import normalised_map
from tbspot.training.settings import TrainingSettings
from tbspot.training.views import Views, warp

__all__ = ["CleanTeachers", "SameViewTeachers", "Taught", "Teachers", "open_teachers"]

# Relative sizes at which a teacher sees the whole film for its clean map. A fused map costs a
# backward pass, and a second size improves it by less than 0.01 mIoU; a refined one by nothing.
CLEAN_SCALES: dict[TeacherMap, tuple[float, ...]] = {
    "cam": (1.0, 1.25),
    "fused": (1.25,),
    "refined": (1.0,),
}
CLEAN_BATCH = 16


@dataclass(frozen=True)
class Taught:
    """What the teachers say of a batch.

    Attributes:
        logit: `[n]`, mean over teachers.
        map: `[n, h, w]` in [0, 1], mean of the teachers' normalised maps, in the view's geometry.
    """

    logit: Tensor
    map: Tensor


class Teacher(NamedTuple):
    """A frozen net, and how it is to be used."""

    classifier: Classifier
    description: Description
    map: TeacherMap


@dataclass(frozen=True)
class SameViewTeachers:
    """Teachers that see the student's own view at every step (Hinton et al. 2015)."""

    teachers: Sequence[Teacher]
    fabric: Fabric

    def __call__(
        self,
        index: NDArray[np.int64],  # noqa: ARG002
        views: Views,
        halves: NDArray[np.int8],  # noqa: ARG002
    ) -> Taught:
        """What the teachers say of the views; which films they are of does not matter."""
        with self.fabric.autocast():
            told = [_ask(one, views.films, one.description.size) for one in self.teachers]
        return _mean(told)


@dataclass(frozen=True)
class CleanTeachers:
    """Teachers that saw each whole film once, mirrored and at several scales, before training.

    Attributes:
        logits: `[n]`, of all training films.
        maps: `[n, h, w]` in [0, 1], of all training films.
    """

    logits: Tensor
    maps: Tensor

    def __call__(self, index: NDArray[np.int64], views: Views, halves: NDArray[np.int8]) -> Taught:
        """What was said of the films, the maps brought into the views' geometry.

        Args:
            index: places of the films.
            views: of them.
            halves: which half of a film the view is of, see `halves.choose_halves`.
        """
        chosen = torch.from_numpy(index)
        maps = halved(self.maps[chosen].unsqueeze(1), halves).to(views.geometry.device)
        moved = warp(maps, views.geometry).squeeze(1)
        return Taught(self.logits[chosen].to(views.geometry.device), moved)


Teachers = SameViewTeachers | CleanTeachers


def open_teachers(
    settings: TrainingSettings, films: CachedFilms, cache: Path, fabric: Fabric
) -> Teachers | None:
    """Load the teachers; with view `clean`, let them see every film now.

    Args:
        settings: name the teachers, their view and their map.
        films: the training films in the student's frame.
        cache: folder that keeps what a teacher said of the same films before.
        fabric: its device and precision are used.

    Returns:
        The teachers, or `None` where there are none.

    Raises:
        TbspotError: a file is not a model of tbspot.
    """
    if not settings.teachers:
        return None
    teachers = [_open(path, settings.teacher_map, fabric) for path in settings.teachers]
    if len({(one.description.size, one.description.output_stride) for one in teachers}) > 1:
        raise TbspotError(
            "the teachers have different input sizes or output strides; give teachers of one kind"
        )
    if settings.teacher_view == "same":
        return SameViewTeachers(teachers, fabric)
    with fabric.rank_zero_first():
        told = [_remember(teacher, films, cache, fabric) for teacher in teachers]
    together = _mean(told)
    return CleanTeachers(together.logit, together.map)


def _open(path: Path, teacher_map: TeacherMap, fabric: Fabric) -> Teacher:
    changes = {"refinement": "affinity"} if teacher_map == "refined" else {}
    classifier, description = load_classifier(path, changes)
    fold_batch_norm(classifier.body)
    classifier.requires_grad_(requires_grad=False).to(fabric.device)
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Teacher(classifier, description, teacher_map)


def _remember(teacher: Teacher, films: CachedFilms, cache: Path, fabric: Fabric) -> Taught:
    """What the teacher says of each whole film, from `cache` if it was asked before."""

    def ask() -> dict[str, Tensor]:
        with fabric.autocast():
            parts = [
                _ask_clean(teacher, films.pixels[first : first + CLEAN_BATCH], fabric)
                for first in range(0, len(films.pixels), CLEAN_BATCH)
            ]
        return {
            "logit": torch.cat([part.logit for part in parts]),
            "map": torch.cat([part.map for part in parts]),
        }

    scales = str(CLEAN_SCALES[teacher.map])
    version = teacher.description.version
    asked = (films.fingerprint, teacher.map, version, scales, precision_of(fabric))
    return Taught(**remembered(cache, "taught", asked, ask))


@torch.no_grad()
def _ask(teacher: Teacher, films: Tensor, size: int) -> Taught:
    description = teacher.description
    films = in_frame(films, size, description.through)
    if teacher.map == "fused":
        output, fine = fine_layer_cam(teacher.classifier, films)
        maps = _fused(_normalised(output.map, description), normalised_map(_smoothed(fine)))
    else:
        output = teacher.classifier(films)
        maps = _normalised(output.map, description)
    return Taught(output.logit / description.temperature, maps)


def _fused(coarse: Tensor, fine: Tensor) -> Tensor:
    """High where both maps are: the coarse one says what is TB, the fine one how far it reaches."""
    return (_enlarged(coarse, fine.shape[-1]) * fine).sqrt()


def _smoothed(maps: Tensor) -> Tensor:
    """Means of 5 x 5 places: single places of an early stage say little."""
    return functional.avg_pool2d(maps.unsqueeze(1), 5, 1, 2, count_include_pad=False).squeeze(1)


def _normalised(maps: Tensor, description: Description) -> Tensor:
    """Maps in [0, 1]; of a student that was taught maps, its probabilities by their maximum."""
    if description.evidence == "logit":
        return normalised_map(maps)
    places = torch.sigmoid(maps + description.bias)
    return places / places.flatten(1).amax(1).view(-1, 1, 1)


def _ask_clean(teacher: Teacher, pixels: NDArray[np.uint8], fabric: Fabric) -> Taught:
    whole = torch.from_numpy(pixels.copy()).to(fabric.device).unsqueeze(1).float() / 255
    told = []
    for scale in CLEAN_SCALES[teacher.map]:
        size = teacher.description.scaled(scale)
        straight, mirrored = _ask(teacher, whole, size), _ask(teacher, whole.flip(-1), size)
        told += [straight, Taught(mirrored.logit, mirrored.map.flip(-1))]
    side = max(one.map.shape[-1] for one in told)
    together = _mean([Taught(one.logit, _enlarged(one.map, side)) for one in told])
    return Taught(together.logit.cpu(), together.map.cpu())


def _enlarged(maps: Tensor, side: int) -> Tensor:
    return functional.interpolate(maps.unsqueeze(1), size=(side, side), mode="bilinear").squeeze(1)


def _mean(told: Sequence[Taught]) -> Taught:
    """Of several answers to the same films, on one grid."""
    return Taught(
        torch.stack([one.logit for one in told]).mean(0),
        torch.stack([one.map for one in told]).mean(0),
    )


def in_frame(films: Tensor, size: int, through: int | None) -> Tensor:
    """Films `[n, 1, h, w]` in the frame of another net: see `tbspot.images.Frame`."""
    for side in (through, size):
        if side is not None and side != films.shape[-1] and (side == size or side < size):
            films = functional.interpolate(
                films, size=(side, side), mode="bilinear", antialias=True, align_corners=False
            )
    return films
