"""Fit the temperature of a model's scores on films of one source, and lay it beside the model.

    python runs/temperature.py PREDICTIONS DATA SPLIT MODEL.onnx

Takes what `tbspot locate --model MODEL.onnx` wrote of films with labels, which the model was not
trained on and no box was used of; gives MODEL.amended.json, and in MODEL.selftest.npz the score by
that temperature. Says the errors before and after, each film by a temperature fitted on others.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tbspot.amendment import Amendment, amended, amendment_path
from tbspot.calibration.reliability import reliability_of
from tbspot.calibration.scored import Scored, read_predicted
from tbspot.engine.engine import open_engine
from tbspot.errors import TbspotError
from tbspot.export.selftest import reference_path
from tbspot.files import write_json
from tbspot.numerics import probability
from tbspot.records.figures import Drawing

DIGITS = 2  # what an interval of some tenths is worth


def main() -> None:
    """Fit, say what it is worth, write."""
    predictions, data, split, model = sys.argv[1:]
    path = Path(model)
    scored = read_predicted(Path(predictions), [data], split)
    check(scored, path)
    fitted = reliability_of(scored.scores, scored.labels, Drawing(resamples=10_000, seed=0))
    for name in ("temperature", "ece", "ece_scaled", "brier", "brier_scaled"):
        one = getattr(fitted, name)
        print(f"{name}: {one.value:.4f} [{one.low:.4f}, {one.high:.4f}], {one.films} films")
    if fitted.temperature.value is None:
        raise TbspotError(f"no temperature fits: {fitted.temperature.reason}")
    note = (
        f"of greatest likelihood on {len(scored.labels)} films of one source that were not trained "
        f"on (split {split}); ECE {fitted.ece.value:.3f} before, {fitted.ece_scaled.value:.3f} "
        f"after, Brier {fitted.brier.value:.4f} and {fitted.brier_scaled.value:.4f}, each film by "
        "a temperature fitted on others"
    )
    write(path, round(fitted.temperature.value, DIGITS), note)


def check(scored: Scored, model: Path) -> None:
    """Refuse films of several sources, and predictions of another version."""
    if "source" in scored.columns:
        raise TbspotError("films of several sources measure the source; give those of one")
    if amendment_path(model).exists():
        raise TbspotError(f"{amendment_path(model)} exists; remove it, and locate the films again")
    version = open_engine(model).description.version
    if scored.version != version:
        raise TbspotError(f"predictions are of version {scored.version}, {model} is {version}")


def write(model: Path, temperature: float, note: str) -> None:
    """Lay the amendment beside the model, and give its reference the score by it."""
    before = open_engine(model).description
    change = Amendment(amends=before.version, temperature=temperature, note=note)
    write_json(amendment_path(model), change.model_dump())
    after = amended(model, before)
    with np.load(reference_path(model)) as stored:
        content = dict(stored)
    score = float(content["score"])
    logit = (np.log(score) - np.log1p(-score)) * before.temperature / temperature
    content |= {"score": np.float64(probability(logit)), "version": np.array(after.version)}
    np.savez_compressed(reference_path(model), **content)
    print(f"{amendment_path(model)}: version {after.version}")


if __name__ == "__main__":
    main()
