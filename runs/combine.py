"""Contenders made of trained models without training: the controls of docs/results.md.

Takes folders of `tbspot locate`, or model files; gives a folder for `tbspot evaluate`, or one with
model.safetensors.

    python runs/combine.py maps OUT FOUND [FOUND ...] [--prior FOUND_TRAIN] [--map-threshold 0.4]
    python runs/combine.py weights OUT MODEL [MODEL ...] [--refinement affinity]

`maps` averages the maps of several models, each divided by its maximum; `--prior` multiplies them
by the mean map of a model on training films, which is made without boxes. `weights` averages the
weights of nets that came from the same start (Wortsman et al. 2022, arXiv 2203.05482), with no
temperature or threshold of theirs; of one model it is that model. Its map is refined as the first
model's, or as `--refinement` says.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.maps.boxes import normalise
from tbspot.nets.weights import load_classifier, save_classifier
from tbspot.records.predictions import FILE_NAME, Prediction, read_heatmap, read_predictions

Map = NDArray[np.float32]
# Of the maps that are written: they are smooth, and the judging grid has 512.
SIDE = 128
# What weights mean something by; films of another size or sharpness may have taught them.
OF_THE_NET = ("stages", "output_stride", "stride_place", "pooling", "evidence",
              "score_head", "score_sharpness")  # fmt: skip


def combine_maps(
    out: Path, folders: Sequence[Path], prior: Path | None, threshold: float | None
) -> None:
    """Write predictions whose maps are the mean of several models', times a prior if given.

    They are cut at `threshold`, or without one as the first folder's.
    """
    everywhere = np.ones((SIDE, SIDE), np.float32) if prior is None else mean_map(prior)
    found = [{one.image: one for one in read_predictions(folder)} for folder in folders]
    versions = sorted({one.version for films in found for one in films.values()})
    version = fingerprint(*(one.encode() for one in versions), everywhere.tobytes())
    rule = {} if threshold is None else {"map_rule": "tuned", "map_threshold": threshold}
    out.mkdir(parents=True)
    with (out / FILE_NAME).open("w", encoding="utf-8") as lines:
        for number, image in enumerate(found[0]):
            same = [films[image] for films in found]
            maps = [normalised(*pair) for pair in zip(folders, same, strict=True)]
            heatmap = f"{number:05}.npy"
            np.save(out / heatmap, np.mean(maps, axis=0, dtype=np.float32) * everywhere)
            changes = {
                "score": float(np.mean([one.score for one in same if one.score is not None])),
                "heatmap": heatmap,
                "boxes": (),  # `evaluate` cuts them from the map.
                "model": out.name,
                "version": version,
                **rule,
            }
            lines.write(same[0].model_copy(update=changes).model_dump_json() + "\n")


def mean_map(folder: Path) -> Map:
    """The mean of the normalised maps of all films of a folder, its maximum 1."""
    maps = [normalised(folder, one) for one in read_predictions(folder)]
    return normalise(np.mean(maps, axis=0, dtype=np.float32), SIDE)


def normalised(folder: Path, prediction: Prediction) -> Map:
    """The evidence of a film, its maximum 1."""
    return normalise(read_heatmap(folder, prediction), SIDE)


def average_weights(out: Path, models: Sequence[Path], refinement: str | None) -> None:
    """Write OUT/model.safetensors, whose weights are the mean of several models' of one kind.

    Raises:
        TbspotError: a file is no model of tbspot, its map cannot be refined so, or it is of
            another kind than the first.
    """
    changes = {} if refinement is None else {"refinement": refinement}
    loaded = [load_classifier(path, changes) for path in models]
    classifiers, descriptions = zip(*loaded, strict=True)
    for path, description in zip(models[1:], descriptions[1:], strict=True):
        for field in OF_THE_NET:
            one, other = getattr(descriptions[0], field), getattr(description, field)
            if one != other:
                raise TbspotError(
                    f"{models[0]} and {path} are of two kinds ({field} {one} and {other}), whose "
                    "weights have no mean; give models of one kind"
                )
    states = [classifier.state_dict() for classifier in classifiers]
    mean = {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        for name, value in states[0].items()
    }
    classifiers[0].load_state_dict(mean)
    bias = classifiers[0].bias.item()
    recipe = f"mean of {len(models)} models' weights"
    said = {"name": out.name, "bias": bias, "recipe": recipe}
    if len(models) > 1:  # scores of the mean are others
        said |= {"temperature": 1.0, "score_threshold": 0.5, "score_rule": "0.5, not tuned"}
    out.mkdir(parents=True)
    save_classifier(
        out / "model.safetensors", classifiers[0], descriptions[0].model_copy(update=said)
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    kinds = parser.add_subparsers(required=True, dest="kind")
    maps, weights = kinds.add_parser("maps"), kinds.add_parser("weights")
    for kind in (maps, weights):
        kind.add_argument("out", type=Path)
        kind.add_argument("given", type=Path, nargs="+")
    maps.add_argument("--prior", type=Path)
    maps.add_argument("--map-threshold", type=float)
    weights.add_argument("--refinement", choices=("none", "affinity"))
    given = parser.parse_args()
    try:
        if given.kind == "maps":
            combine_maps(given.out, given.given, given.prior, given.map_threshold)
        else:
            average_weights(given.out, given.given, given.refinement)
    except (TbspotError, FileExistsError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
