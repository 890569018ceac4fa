"""A model under audit: any film to a logit, a map, the mask of its boxes, and features.

Takes an engine; gives its output on the protocol's grid. Which films it is run on is left to the
modules beside this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tbspot.engine.engine import Engine, open_engine
from tbspot.errors import TbspotError
from tbspot.images import Frame, resize
from tbspot.maps.boxes import SIDE, find_boxes, normalise, rectangle_mask, threshold_of
from tbspot.maps.cutting import Cut, cut_of
from tbspot.maps.evidence import observe
from tbspot.numerics import probability

__all__ = ["Model", "Output", "open_models", "spread"]

Pixels = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Output:
    """What a model gives for a film.

    Attributes:
        logit: of the film, divided by the model's temperature.
        evidence: for TB, signed, `[SIDE, SIDE]`.
        places: side of the model's own map.
        cut: by which its boxes are cut.
    """

    logit: float
    evidence: NDArray[np.float32]
    places: int
    cut: Cut

    @property
    def score(self) -> float:
        """Probability of TB."""
        return probability(self.logit)

    @cached_property
    def normalised(self) -> NDArray[np.float32]:
        """Positive evidence as a share of its maximum."""
        return normalise(self.evidence)

    @cached_property
    def found(self) -> NDArray[np.bool_]:
        """The union of the boxes."""
        return _union(self.normalised, self.cut)


@dataclass(frozen=True, eq=False)
class Model:
    """A model under audit.

    Attributes:
        name: what it is called in tables; no two are called alike.
        engine: that runs it.
        cut: by which its boxes are cut.
    """

    name: str
    engine: Engine
    cut: Cut

    @property
    def version(self) -> str:
        """Of the model."""
        return self.engine.description.version

    @property
    def threshold(self) -> float:
        """Score from which it calls a film TB."""
        return self.engine.description.score_threshold

    @property
    def detail(self) -> int:
        """Side to which it reduces every film before anything else."""
        description = self.engine.description
        return min(description.size, description.through or description.size)

    def predict(self, film: Pixels) -> Output:
        """Its output for a film `[h, w]`."""
        logit, evidence = observe(film, self.engine.description, self.engine)
        return Output(logit, resize(evidence, SIDE, SIDE), len(evidence), self.cut)

    def found_in(self, normalised: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The union of the boxes that it finds in a normalised map."""
        return _union(normalised, self.cut)

    def features(self, film: Pixels) -> NDArray[np.float64] | None:
        """Mean of each feature `[2048]` before its last layer; `None` where torch is missing."""
        try:
            classifier = self.engine.classifier()
        except TbspotError:
            return None
        import torch

        description = self.engine.description
        frame = Frame(film.shape[0], film.shape[1], description.size, description.through)
        with torch.inference_mode():
            features = classifier.body(torch.from_numpy(frame.apply(film)[None, None].copy()))
        mean: NDArray[np.float64] = features.mean((2, 3))[0].double().numpy()
        return mean


def _union(normalised: NDArray[np.float32], cut: Cut) -> NDArray[np.bool_]:
    return rectangle_mask(find_boxes(normalised, threshold_of(normalised, cut.rule, cut.value)))


def spread(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask `[SIDE, SIDE]` on a film of `shape` (height, width)."""
    size = (shape[1], shape[0])
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def open_models(paths: Sequence[Path]) -> list[Model]:
    """Open each model file.

    Raises:
        TbspotError: one cannot be opened, or two are the same.
    """
    engines = [open_engine(path) for path in paths]
    descriptions = [engine.description for engine in engines]
    names = [one.name for one in descriptions]
    full = [
        one.name if names.count(one.name) == 1 else f"{one.name} {one.version[:6]}"
        for one in descriptions
    ]
    if len(set(full)) < len(full):
        raise TbspotError("two of the models are the same; give each model file once")
    return [
        Model(name, engine, cut_of(engine.description))
        for name, engine in zip(full, engines, strict=True)
    ]
