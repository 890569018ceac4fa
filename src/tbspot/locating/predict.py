"""One film's prediction: from pixels to score, evidence and boxes.

Takes pixels, an engine and a cut; gives a prediction and the evidence behind it. Reading films is
left to model.py, keeping predictions to run.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tbspot.choices import Method
from tbspot.engine.engine import Engine
from tbspot.gate.borders import Area, crop, spread
from tbspot.images import Frame
from tbspot.maps.boxes import SIDE, find_boxes, normalise, threshold_of
from tbspot.maps.cutting import Cut
from tbspot.maps.evidence import Ask, observe
from tbspot.numerics import probability
from tbspot.records.predictions import PredictedBox, Prediction

__all__ = ["boxes_of", "engine_for", "predict"]


def engine_for(engine: Engine, method: Method, *, mirror: bool | None = None) -> Engine:
    """The engine with maps by another method, and the mirrored film averaged in or not.

    Args:
        engine: of the model.
        method: of the maps.
        mirror: `None` = as the model says.

    Raises:
        TbspotError: the method needs gradients, and there is no net of torch.
    """
    description = engine.description
    if mirror is not None:
        description = description.model_copy(update={"mirror": mirror})
    if method == "cam":
        return replace(engine, description=description)
    # Gradient methods give positive evidence by themselves, in units of their own.
    update = {"evidence": "logit", "baseline": "none"}
    described = description.model_copy(update=update)
    ask = _by_gradients(engine, method)
    return replace(engine, description=described, ask=ask, at_once=1)


def _by_gradients(engine: Engine, method: Method) -> Ask:
    classifier = engine.classifier()
    import torch

    from tbspot.nets.attribution import attribute

    def ask(films: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        maps = attribute(classifier, torch.from_numpy(films[:, None].copy()), method)
        return engine(films)[0], maps.cpu().numpy()

    return ask


def predict(
    pixels: NDArray[np.float32],
    name: str,
    engine: Engine,
    cut: Cut,
    scales: Sequence[float] = (1.0,),
    area: Area | None = None,
    shape: tuple[int, int] | None = None,
) -> tuple[Prediction, NDArray[np.float32]]:
    """A film's prediction, without its heat map's file name, and its evidence `[h, w]`.

    A box's score is the film's score times the box's share of the map's maximum, so that boxes
    can be ranked over films.

    Args:
        pixels: `[height, width]` in [0, 1].
        name: of the film.
        engine: to ask.
        cut: how boxes are cut.
        scales: sizes to average over, relative to the model's.
        area: of the film that the net is shown; `None` = all. Boxes and evidence are of the whole
            film all the same.
        shape: height and width of the film in its file, in whose pixels boxes are given, if it
            was read smaller, and then whole; `None` = of `pixels`.

    Raises:
        TbspotError: the net's answer is not finite.
    """
    description = engine.description
    seen = (shape or pixels.shape) if area is None else crop(pixels, area).shape
    logit, evidence = observe(crop(pixels, area), description, engine, scales, seen, name)
    score, (height, width) = probability(logit), shape or pixels.shape
    # Boxes and masks of regions are cut from the same evidence, that of the whole film.
    if area is not None:
        evidence = spread(evidence, area, height, width)
    boxes = boxes_of(evidence, cut, score, height, width)
    prediction = Prediction(
        image=name,
        status="ok",
        score=score,
        threshold=description.score_threshold,
        map_threshold=cut.value,
        map_rule=cut.rule,
        boxes=boxes,
        width=width,
        height=height,
        model=description.name,
        version=description.version,
    )
    return prediction, evidence


def boxes_of(
    evidence: NDArray[np.float32], cut: Cut, score: float, height: int, width: int
) -> tuple[PredictedBox, ...]:
    """Boxes in pixels of a film of `height` x `width`, best first."""
    normalised = normalise(evidence)
    found = find_boxes(normalised, threshold_of(normalised, cut.rule, cut.value))
    corners = Frame(height, width, SIDE).to_film(found[:, :4])
    return tuple(
        PredictedBox(x0=x0, y0=y0, x1=x1, y1=y1, score=min(1.0, score * peak))
        for (x0, y0, x1, y1), peak in zip(corners.tolist(), found[:, 4].tolist(), strict=True)
    )
