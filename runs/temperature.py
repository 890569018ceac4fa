"""Fit the temperature of a model's scores on films of one source, and lay it beside the model.

    python runs/temperature.py PREDICTIONS DATA SPLIT MODEL.onnx

Takes what `tbspot locate --model MODEL.onnx` wrote of films with labels, which the model was not
trained on and no box was used of; gives MODEL.amended.json (amend.py). Says the errors before and
after, each film by a temperature fitted on others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from amend import amend

from tbspot.calibration.reliability import reliability_of
from tbspot.calibration.scored import Scored, read_predicted
from tbspot.engine.engine import open_engine
from tbspot.errors import TbspotError
from tbspot.records.figures import Drawing

DIGITS = 2  # what an interval of some tenths is worth


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("predictions", type=Path)
    parser.add_argument("data")
    parser.add_argument("split")
    parser.add_argument("model", type=Path)
    try:
        fit(**vars(parser.parse_args()))
    except TbspotError as error:
        raise SystemExit(f"error: {error}") from error


def fit(predictions: Path, data: str, split: str, model: Path) -> None:
    """Fit, say what it is worth, write."""
    scored = read_predicted(predictions, [data], split)
    check(scored, model)
    fitted = reliability_of(scored, Drawing(resamples=10_000, seed=0))
    if (temperature := fitted.temperature.value) is None:
        raise TbspotError(f"no temperature fits: {fitted.temperature.reason}")
    if fitted.ece_scaled.value is None:
        raise TbspotError(f"no temperature can be judged: {fitted.ece_scaled.reason}")
    for name in ("temperature", "ece", "ece_scaled", "brier", "brier_scaled"):
        one = getattr(fitted, name)
        print(f"{name}: {one.words()}, {one.films} films")
    note = (
        f"of greatest likelihood on {len(scored.labels)} films of one source that were not trained "
        f"on (split {split}); ECE {fitted.ece.value:.3f} before, {fitted.ece_scaled.value:.3f} "
        f"after, Brier {fitted.brier.value:.4f} and {fitted.brier_scaled.value:.4f}, each film by "
        "a temperature fitted on others"
    )
    # What was fitted is of scores that are divided by a temperature already.
    before = open_engine(model).description
    amend(model, note, {"temperature": round(before.temperature * temperature, DIGITS)})


def check(scored: Scored, model: Path) -> None:
    """Refuse films of several sources, and predictions of another version."""
    if "source" in scored.columns:
        raise TbspotError("films of several sources measure the source; give those of one")
    version = open_engine(model).description.version
    if scored.version != version:
        raise TbspotError(f"predictions are of version {scored.version}, {model} is {version}")


if __name__ == "__main__":
    main()
