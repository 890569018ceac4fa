"""A head for the score alone, which changes less by what happens to films on their way.

Takes a model and films without their labels; gives the model with a second head over the same
features, from which its score is read. The map stays as it is to the bit. Cropped borders, letters
and compression move a film's features along few directions: a ridge regression (Hoerl and Kennard
1970) of the head that the score had gives these up, and keeps what else it said of films. A mean
over places counts a small lesion little; log-sum-exp (Pinheiro and Collobert 2015, arXiv
1411.6228) leads from the mean to the greatest.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from tbspot.console import open_console, print_notes
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.files import check_run, open_run
from tbspot.lock import holding
from tbspot.nets.classifier import Classifier, pool_softly
from tbspot.nets.folding import fold_batch_norm
from tbspot.nets.weights import load_classifier, save_classifier
from tbspot.samples.loading import Source, films_of, in_split, load
from tbspot.settings import Amount, Seed, Settings, Whole
from tbspot.training.cache import CachedFilms, cache_beside, cache_films, remembered
from tbspot.training.devices import precision_of
from tbspot.training.loop import MODEL_FILE, model_files
from tbspot.training.settings import Strength
from tbspot.training.views import draw_views

__all__ = ["Pooled", "ScoreHeadSettings", "fit_head", "refit"]

COMMAND = "refit"
BATCH = 8
# Each look is cropped, lettered and compressed at once, and its tone another; nothing that would
# change where in the film a lesion lies is needed.
HANDLED = Strength(mirror=0, scale=0, rotation=0, shift=0, handling=1)


@dataclass(frozen=True)
class ScoreHeadSettings(Settings):
    """Everything that decides the head.

    Attributes:
        model: a model of tbspot with mean pooling, `.safetensors` or `.onnx`.
        data: sources, as of `TrainingSettings`; labels are not read.
        split_file: a file of `tbspot prepare`, or None.
        split: films to fit on.
        looks: changed looks at each film.
        steadiness: how much a change of the score by handling counts, against a change of what
            the model says of films as they are.
        ridge: of the head's own change, in units of the mean variance of a feature.
        sharpness: of the log-sum-exp over places, see `Description.score_sharpness`; None = as the
            score has it, with `from_map` 0.
        from_map: begin with the map's head also where the score has one of its own.
        seed: of the looks.
        name: of the model; None keeps the one it has.
    """

    model: Path
    data: tuple[Source, ...]
    split_file: Path | None = None
    split: str = "train"
    looks: Whole = 2
    steadiness: Amount = 3.0
    ridge: Amount = 0.5
    sharpness: Amount | None = None
    from_map: bool = False
    seed: Seed = 0
    name: str | None = None


def refit(
    settings: ScoreHeadSettings, folder: Path, fabric: Fabric, *, overwrite: bool = False
) -> Path:
    """Write `model.safetensors` with a score head to `folder`; a finished run is left as it is.

    Args:
        settings: what to do.
        folder: the run's folder.
        fabric: launched on one process; its device and precision are used.
        overwrite: replace another run in the folder, once the model has seen all films.

    Returns:
        The model file.

    Raises:
        TbspotError: model or films are not as they must be, or the folder holds another run.
    """
    path, inputs = folder / MODEL_FILE, model_files(settings.model)
    with holding(folder):
        resumes = check_run(folder, COMMAND, settings, overwrite=overwrite, inputs=inputs)
        if resumes and path.exists():
            return path
        classifier, description = _load(settings.model)
        sharpness = _sharpness(description, settings)
        refitted = description.changed(_said(description, settings, sharpness), "a model")
        loaded = load(settings.data, settings.split_file, trained=settings.split)
        print_notes(open_console(), loaded.notes)
        samples = in_split(loaded.samples, settings.split)
        cache = cache_beside(folder)
        cached = cache_films(samples, description.size, description.through, cache)
        begun = _head(classifier, settings)
        looks = str((settings.looks, settings.seed, sharpness, settings.from_map))
        asked = (cached.fingerprint, description.version, looks, precision_of(fabric))
        told = remembered(
            cache,
            "features",
            asked,
            lambda: _features(classifier, begun, cached, settings, sharpness, fabric),
        )
        if not all(part.isfinite().all() for part in told.values()):
            raise TbspotError(
                f"the features of {settings.model} are not numbers on every film; its training "
                "has diverged: give another model"
            )
        weights = fit_head(begun.numpy(), Pooled.of(told), settings)
        after = _with_head(classifier, refitted, weights)
        after.bias.data.fill_(_even_bias(classifier, after, cached, fabric))
        # Only once all that is read is there: a broken film must not cost another run.
        films = films_of(settings.data, settings.split_file)
        open_run(folder, COMMAND, settings, overwrite=overwrite, inputs=inputs, reads=films)
        save_classifier(path, after, refitted)
    return path


class Pooled(NamedTuple):
    """What a head says of films, and by which features.

    Attributes:
        clean: `[n, c]`, of films as they are: the mean of their places' features, at a sharpness
            above 0 weighted by what each place adds to the score.
        changed: `[n, k, c]`, of changed looks at them.
        moved: `[n, k]`, the score of the changed look less that of the film.
    """

    clean: NDArray[np.float64]
    changed: NDArray[np.float64]
    moved: NDArray[np.float64]

    @classmethod
    def of(cls, told: Mapping[str, Tensor]) -> Pooled:
        """From what `_features` gives."""
        clean, changed = told["clean"].double().numpy(), told["changed"].double().numpy()
        scores = told["clean_score"].double().numpy()
        return cls(clean, changed, told["changed_score"].double().numpy() - scores[:, None])


def fit_head(
    weights: NDArray[np.float64], pooled: Pooled, settings: ScoreHeadSettings
) -> NDArray[np.float64]:
    """The weights near `weights` whose score changes less from a film to a changed look at it.

    With d the change of the weights, s the steadiness and r the ridge it is the least of
    mean((d g)^2) + s mean((m + d (h - g))^2) + r v |d|^2, where g are a film's features, h those
    of a changed look at it, m is by how much the score moves between them, and v is the mean
    variance of a feature over films. Where the score is no mean over places, this is one step of
    Gauss and Newton.

    Args:
        weights: `[c]`, of the head before.
        pooled: what it says of films.
        settings: say s and r.

    Returns:
        Weights `[c]`, to which a bias is found apart.
    """
    features = pooled.clean
    changes = (pooled.changed - features[:, None]).reshape(-1, features.shape[1])
    said = features.T @ features / len(features)
    moving = settings.steadiness * changes / len(changes)
    ridge = settings.ridge * features.var(0).mean() * np.eye(len(said))
    # The least-norm solution, should films be fewer than features and the ridge 0.
    change = np.linalg.lstsq(said + moving.T @ changes + ridge, -moving.T @ pooled.moved.ravel())[0]
    return np.asarray(weights + change, np.float64)


def _load(path: Path) -> tuple[Classifier, Description]:
    classifier, description = load_classifier(path)
    if description.pooling != "mean" or description.evidence != "logit":
        raise TbspotError(
            f"the score of {path} is not the mean of its map's logits, which a head of its own "
            "begins with; give a model with mean pooling whose map, if it was taught one, was "
            'taught by `map_target="overlap"`'
        )
    return classifier, description


def _sharpness(description: Description, settings: ScoreHeadSettings) -> float:
    if settings.sharpness is not None:
        return settings.sharpness
    goes_on = description.score_head == "own" and not settings.from_map
    return description.score_sharpness if goes_on else 0.0


def _said(
    description: Description, settings: ScoreHeadSettings, sharpness: float
) -> dict[str, object]:
    """What the refitted model's file says otherwise than the one before."""
    begun = ", from the map's head" if settings.from_map else ""
    recipe = (
        f"refit of {description.version}{begun}: sharpness {sharpness:g}, steadiness "
        f"{settings.steadiness:g}, ridge {settings.ridge:g}, looks {settings.looks}, "
        f"seed {settings.seed}"
    )
    return {
        "name": settings.name or description.name,
        "score_head": "own",
        "score_sharpness": sharpness,
        # Of the head before; scores of this one are others.
        "temperature": 1.0,
        "score_threshold": 0.5,
        "score_rule": "0.5, not tuned",
        "recipe": f"{description.recipe}; {recipe}" if description.recipe else recipe,
    }


def _head(classifier: Classifier, settings: ScoreHeadSettings) -> Tensor:
    """Weights `[c]` of the head that is begun with."""
    own = None if settings.from_map else classifier.score
    return (own or classifier.head).weight.detach().flatten().double()


def _with_head(
    classifier: Classifier, description: Description, weights: NDArray[np.float64]
) -> Classifier:
    """The classifier, its score read by a head of its own."""
    refitted = Classifier(description)
    head = torch.from_numpy(weights).float().view(1, -1, 1, 1)
    refitted.load_state_dict(classifier.state_dict() | {"score.weight": head})
    return refitted


def _features(
    classifier: Classifier,
    head: Tensor,
    cached: CachedFilms,
    settings: ScoreHeadSettings,
    sharpness: float,
    fabric: Fabric,
) -> dict[str, Tensor]:
    """Features and scores of films, `clean` and `changed` (see `Pooled`)."""
    body, weights = _folded_body(classifier, fabric), head.float().to(fabric.device)
    clean, changed = [], []
    for numbers, films in _batches(cached, fabric, "looking at films"):
        clean.append(_pooled(body, weights, films, sharpness, fabric))
        looks = []
        for look in range(settings.looks):
            seeds = [(settings.seed, look, number) for number in numbers]
            views = draw_views(films, seeds, HANDLED).films
            looks.append(_pooled(body, weights, views, sharpness, fabric))
        changed.append(tuple(torch.stack(parts, 1) for parts in zip(*looks, strict=True)))
    features, scores = (torch.cat(parts) for parts in zip(*clean, strict=True))
    looked, looks_scores = (torch.cat(parts) for parts in zip(*changed, strict=True))
    return {
        "clean": features,
        "clean_score": scores,
        "changed": looked,
        "changed_score": looks_scores,
    }


@torch.no_grad()
def _even_bias(before: Classifier, after: Classifier, cached: CachedFilms, fabric: Fabric) -> float:
    """The bias by which as many films have a logit above 0 as before.

    Places read otherwise give scores of another level, and no label says where 0 should be.
    """
    body = _folded_body(before, fabric)
    heads = [copy.deepcopy(one).to(fabric.device).eval() for one in (before, after)]
    said = []
    for _, films in _batches(cached, fabric, "looking at films again"):
        features = _seen(body, films, fabric)
        said.append(torch.stack([head.judge(features).logit for head in heads]))
    old, new = torch.cat(said, 1).double().cpu()
    above, bias = int((old > 0).sum()), after.bias.item()
    if int((new > 0).sum()) == above:
        return bias
    ordered = new.sort(descending=True).values
    # Half-way between the last film above and the first one below.
    levels = torch.cat((ordered[:1] + 1, ordered, ordered[-1:] - 1))
    return bias - levels[above : above + 2].mean().item()


def _folded_body(classifier: Classifier, fabric: Fabric) -> nn.Module:
    body = copy.deepcopy(classifier.body).to(fabric.device)
    fold_batch_norm(body)
    body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return body


def _batches(cached: CachedFilms, fabric: Fabric, words: str) -> Iterator[tuple[range, Tensor]]:
    """Numbers of films, and these as `[n, 1, h, w]` in [0, 1]."""
    for first in track(range(0, len(cached.pixels), BATCH), words):
        pixels = torch.from_numpy(cached.pixels[first : first + BATCH].copy()).to(fabric.device)
        yield range(first, first + len(pixels)), pixels.unsqueeze(1).float() / 255


def _seen(body: nn.Module, films: Tensor, fabric: Fabric) -> Tensor:
    """Features `[n, c, h, w]` of films."""
    with fabric.autocast():
        features: Tensor = body(films.contiguous(memory_format=torch.channels_last))
    return features.float()


@torch.no_grad()
def _pooled(
    body: nn.Module, weights: Tensor, films: Tensor, sharpness: float, fabric: Fabric
) -> tuple[Tensor, Tensor]:
    """Features `[n, c]` by which a change of the head changes the score, and the score `[n]`."""
    features = _seen(body, films, fabric)
    places = torch.einsum("nchw,c->nhw", features, weights)
    share = torch.softmax(sharpness * places.flatten(1), 1)
    pooled = torch.einsum("ncp,np->nc", features.flatten(2), share)
    return pooled.cpu(), pool_softly(places, sharpness).cpu()
