"""What is measured of one film: what can be told without lungs, and what each model does.

Takes a film with its truth and models; gives small records. Figures are left to summary.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tbspot.audit.blanking import Blanked, blank
from tbspot.audit.changes import CHANGES, Change
from tbspot.audit.model import Model, Output, spread
from tbspot.audit.probes import erased, probe
from tbspot.maps.boxes import SIDE, on_grid, rectangle_mask
from tbspot.maps.lungs import lung_field
from tbspot.metrics import energy_inside, mask_iou, pointing, unless_undefined
from tbspot.samples.sample import Sample

__all__ = [
    "BORDER",
    "FIELD",
    "MARKER",
    "TRUTH",
    "AuditedFilm",
    "Changed",
    "FilmMeasures",
    "ModelMeasures",
    "measure",
]

TRUTH, FIELD, BORDER, MARKER = "truth boxes", "lung field", "outer border", "planted marker"
# The outer border's width, as a share of the film's side.
BORDER_SHARE = 1 / 16

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AuditedFilm:
    """A film and what is known of it.

    Attributes:
        sample: where it is from.
        pixels: `[h, w]`.
        marker: planted on it, in its pixels; `None` where there is none.
    """

    sample: Sample
    pixels: NDArray[np.float32]
    marker: tuple[float, float, float, float] | None = None

    def on_grid(self, boxes: Sequence[tuple[float, float, float, float]]) -> NDArray[np.float64]:
        """Boxes in its pixels on the protocol's grid."""
        height, width = self.pixels.shape
        return on_grid(np.array(boxes, np.float64).reshape(-1, 4), height, width)

    @property
    def truth(self) -> NDArray[np.float64]:
        """Truth boxes on the grid."""
        return self.on_grid([(b.x0, b.y0, b.x1, b.y1) for b in self.sample.boxes or ()])


@dataclass(frozen=True)
class Changed:
    """What one change did.

    Attributes:
        shift: of the logit.
        moved: size of the change of the score.
        flipped: whether the film is called otherwise.
        overlap: IoU of the found boxes before and after; `None` on films without TB or
            where nothing was found before.
    """

    shift: float
    moved: float
    flipped: bool
    overlap: float | None


@dataclass(frozen=True, eq=False)
class ModelMeasures:
    """What a model does on a film that was measured in detail.

    Attributes:
        features: of the net; `None` where it gives none.
        changed: by change, those that apply to the film.
        hit: whether the maximum lies in a truth box; `None` without boxes.
        overlap: IoU of found boxes and truth; `None` without boxes.
        energy: share of positive evidence and share of the film, by region; empty where the
            film is without TB or the map is blank.
        blanked: what blanking does; `None` on films without TB or where nothing was found.
    """

    features: NDArray[np.float64] | None
    changed: dict[str, Changed]
    hit: float | None
    overlap: float | None
    energy: dict[str, tuple[float, float]]
    blanked: Blanked | None


@dataclass(frozen=True, eq=False)
class FilmMeasures:
    """What was measured of a film.

    Attributes:
        sample: the film.
        probes: what is left of it for each probe.
        logits: of each model: of the film, and with its lung field erased.
        by_model: of each model; empty where the film was not measured in detail.
        held: area of the truth boxes in the lung field, and in all.
    """

    sample: Sample
    probes: dict[str, NDArray[np.float64]]
    logits: dict[str, tuple[float, float]]
    by_model: dict[str, ModelMeasures]
    held: tuple[float, float]


def measure(
    film: AuditedFilm, models: Sequence[Model], random: np.random.Generator, *, in_detail: bool
) -> FilmMeasures:
    """Run every model on one film, once and with its lungs erased; in detail, on many changes.

    Args:
        film: with its truth.
        models: under audit.
        random: for places and orders.
        in_detail: whether maps, changes and blanking are measured too.
    """
    field = lung_field(film.pixels)
    spread_field = spread(field, film.pixels.shape)
    without_lungs = erased(film.pixels, spread_field)
    truth = rectangle_mask(film.truth)
    outputs = {model.name: model.predict(film.pixels) for model in models}
    return FilmMeasures(
        sample=film.sample,
        probes=probe(film.pixels, spread_field),
        logits={
            model.name: (outputs[model.name].logit, model.predict(without_lungs).logit)
            for model in models
        },
        by_model={
            model.name: _model_measures(model, film, outputs[model.name], field, random)
            for model in (models if in_detail else ())
        },
        held=(float((truth & field).sum()), float(truth.sum())),
    )


def _model_measures(
    model: Model, film: AuditedFilm, output: Output, field: Mask, random: np.random.Generator
) -> ModelMeasures:
    is_tb, truth = film.sample.label == 1, film.truth
    boxed = is_tb and len(truth) > 0
    return ModelMeasures(
        features=model.features(film.pixels),
        changed={
            change.name: _changed(model, film, output, change, after)
            for change in CHANGES
            if (after := change.apply(film.pixels, model.detail)) is not None
        },
        hit=pointing(output.normalised, truth) if boxed else None,
        overlap=mask_iou(output.found, rectangle_mask(truth)) if boxed else None,
        energy=_energies(output, _regions(film, field)) if is_tb else {},
        blanked=blank(model, film.pixels, output, random) if is_tb else None,
    )


def _regions(film: AuditedFilm, field: Mask) -> dict[str, Mask]:
    inside = np.zeros((SIDE, SIDE), bool)
    width = round(BORDER_SHARE * SIDE)
    inside[width:-width, width:-width] = True
    regions = {FIELD: field, BORDER: ~inside}
    if len(film.truth):
        regions[TRUTH] = rectangle_mask(film.truth)
    if film.marker is not None:
        regions[MARKER] = rectangle_mask(film.on_grid([film.marker]))
    return regions


def _energies(output: Output, regions: dict[str, Mask]) -> dict[str, tuple[float, float]]:
    normalised = output.normalised
    return unless_undefined(
        lambda: {
            name: (energy_inside(normalised, mask), float(mask.mean()))
            for name, mask in regions.items()
        },
        {},
    )


def _changed(
    model: Model, film: AuditedFilm, output: Output, change: Change, pixels: NDArray[np.float32]
) -> Changed:
    after, overlap = model.predict(pixels), None
    if film.sample.label == 1 and output.found.any():
        overlap = mask_iou(model.found_in(change.undo(after.normalised)), output.found)
    return Changed(
        shift=after.logit - output.logit,
        moved=abs(after.score - output.score),
        flipped=(after.score >= model.threshold) != (output.score >= model.threshold),
        overlap=overlap,
    )
