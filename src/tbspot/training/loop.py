"""Training, of the teacher and of the student alike: data, loop, checkpoints, model file.

Takes settings and a folder; gives `model.safetensors` there, after checkpoints that the same
command resumes from. What a step is stands in step.py, who teaches in teachers.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from tbspot.console import open_console, print_notes
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.files import check_run, fingerprint, open_run
from tbspot.lock import Hold, holding
from tbspot.metrics import auroc
from tbspot.nets.classifier import Classifier
from tbspot.nets.folding import unfolded_state
from tbspot.nets.weights import save_classifier
from tbspot.pathnames import as_text
from tbspot.samples.duplicates import copies
from tbspot.samples.loading import films_of, in_split, load, require_both_classes
from tbspot.samples.sample import Sample
from tbspot.training.cache import cache_beside, cache_films, fingerprint_of
from tbspot.training.checkpoints import CHECKPOINT_FILE, TrainingState, diverged
from tbspot.training.films import TrainingFilms, paired_sources, taught_sources
from tbspot.training.progress import Reporter
from tbspot.training.settings import TrainingSettings
from tbspot.training.step import batch_loss, optimizer_of, set_mode, set_rates, start_net
from tbspot.training.teachers import CleanTeachers, Teachers, open_teachers

__all__ = ["MODEL_FILE", "model_files", "train"]

MODEL_FILE = "model.safetensors"
# Of films to follow the AUROC on: none.
NO_SPLIT = "none"
TUNING_BATCH = 16


def train(
    settings: TrainingSettings, folder: Path, fabric: Fabric, *, overwrite: bool = False
) -> Path:
    """Train as `settings` say, or go on where an earlier call was interrupted.

    Args:
        settings: what to do.
        folder: the run's folder.
        fabric: launched; its devices and precision are used.
        overwrite: replace another run in the folder, once data and weights are seen to be there.

    Returns:
        The model file.

    Raises:
        TbspotError: data, weights or checkpoint are not as they must be, the folder holds another
            run (also one that was taught by other files under the same names), or the disk is
            full.
    """
    path, inputs = folder / MODEL_FILE, model_files(*settings.teachers, settings.init)
    # The first process writes for all.
    with holding(folder) if fabric.is_global_zero else nullcontext() as hold:
        resumes = check_run(folder, settings.command, settings, overwrite=overwrite, inputs=inputs)
        if resumes and path.exists():
            # An earlier call may have been killed between the model and this.
            _forget_checkpoint(folder, fabric)
        else:
            _train(settings, folder, fabric, hold, inputs, overwrite=overwrite)
    return path


def model_files(*names: str | Path) -> dict[str, str]:
    """Fingerprints of those names that are files: what a run reads besides films."""
    paths = (Path(name) for name in names)
    return {as_text(path): fingerprint(path.read_bytes()) for path in paths if path.is_file()}


def _train(
    settings: TrainingSettings,
    folder: Path,
    fabric: Fabric,
    hold: Hold | None,
    inputs: dict[str, str],
    *,
    overwrite: bool,
) -> None:
    films, tuning = _read(settings, folder, fabric)
    teachers = _teachers(settings, films, folder, fabric)
    description = _describe(settings).changed({"data": fingerprint_of(films.samples)}, "a model")
    torch.manual_seed(settings.seed)
    net = start_net(settings, description)
    model, optimizer = fabric.setup(net, optimizer_of(net, settings))
    inputs = inputs | {"films": str(description.data)}
    _open(folder, settings, fabric, hold, inputs, overwrite=overwrite)
    steps = len(films.samples) // films.batch_size
    total = steps * settings.epochs
    averaged, run = settings.average > 0, _identity(settings, inputs)
    state = TrainingState.start(net, optimizer, folder, averaged=averaged, run=run, steps=total)

    with _reporter(folder, state, steps, settings, fabric) as reporter:
        for epoch in range(state.done // steps, settings.epochs):
            set_mode(net, settings)
            for batch in films.batches(epoch, state.done % steps, fabric):
                set_rates(optimizer, state.done / total)
                loss = batch_loss(model, batch, teachers, settings, epoch)
                mean = _finite(loss, state.done, steps, fabric)
                fabric.backward(loss)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                state.advance(settings.average)
                state.losses.append(mean)
                reporter.step(state.done, mean, films.batch_size)
                if hold:
                    hold.check()
                state.save_if_due(folder, settings.minutes_between_checkpoints, steps, fabric)
            state.losses.clear()
            # A line of an epoch that was not saved is dropped when the run goes on.
            reporter.epoch(epoch + 1, _followed_auroc(net, state, tuning, fabric))
            state.save(folder, fabric)
    _finish(folder, net, state, description, settings, fabric)


def _teachers(
    settings: TrainingSettings, films: TrainingFilms, folder: Path, fabric: Fabric
) -> Teachers | None:
    teachers = open_teachers(settings, films.cached, cache_beside(folder), fabric)
    if isinstance(teachers, CleanTeachers) and settings.halves > 0:
        films.locate_sides(teachers.maps, settings.map_low)
    return teachers


def _identity(settings: TrainingSettings, inputs: dict[str, str]) -> str:
    """Of a run, wherever its folder lies: what its checkpoints are known by."""
    others = dataclasses.replace(settings, data=())  # a reading is told by its own words
    parts = (settings.command, *map(str, settings.data), repr(others), repr(sorted(inputs.items())))
    return fingerprint(*(as_text(part).encode() for part in parts))


def _open(
    folder: Path,
    settings: TrainingSettings,
    fabric: Fabric,
    hold: Hold | None,
    inputs: dict[str, str],
    *,
    overwrite: bool,
) -> None:
    """Only once all that the run reads is there: a wrong path must not cost another run."""
    if hold:
        hold.check()
        films = films_of(settings.data, settings.split_file)
        open_run(
            folder, settings.command, settings, overwrite=overwrite, inputs=inputs, reads=films
        )
        hold.check()
    fabric.barrier()


def _reporter(
    folder: Path, state: TrainingState, steps: int, settings: TrainingSettings, fabric: Fabric
) -> Reporter:
    return Reporter(
        folder,
        steps * settings.epochs,
        state.done,
        epochs=state.done // steps,
        losses=state.losses,
        silent=not fabric.is_global_zero,
    )


def _followed_auroc(
    net: Classifier, state: TrainingState, tuning: TrainingFilms | None, fabric: Fabric
) -> float | None:
    """The AUROC on tuning films of the net that would be written now: the average, if there is."""
    if not state.average:
        return _tuning_auroc(net, tuning, fabric)
    trained = {name: value.clone() for name, value in net.state_dict().items()}
    net.load_state_dict(state.average)
    found = _tuning_auroc(net, tuning, fabric)
    net.load_state_dict(trained)
    return found


def _finish(
    folder: Path,
    net: Classifier,
    state: TrainingState,
    description: Description,
    settings: TrainingSettings,
    fabric: Fabric,
) -> None:
    if fabric.is_global_zero:
        net.load_state_dict(state.average or net.state_dict())
        _write_model(folder / MODEL_FILE, net, description, settings)
    _forget_checkpoint(folder, fabric)


def _forget_checkpoint(folder: Path, fabric: Fabric) -> None:
    """Once there is a model."""
    if fabric.is_global_zero:
        (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
    fabric.barrier()


def _read(
    settings: TrainingSettings, folder: Path, fabric: Fabric
) -> tuple[TrainingFilms, TrainingFilms | None]:
    loaded = load(settings.data, settings.split_file, trained=settings.split)
    if fabric.is_global_zero:
        print_notes(open_console(), loaded.notes)
    # What is drawn at random is drawn by a film's place: it must not follow from a table's rows.
    samples = sorted(loaded.samples, key=lambda one: (one.source, one.name))
    chosen = in_split(samples, settings.split)
    _check(chosen, settings, fabric)
    tuning = _followed(samples, chosen, settings)
    films = _decoded(chosen, settings, folder, fabric)
    return films, _decoded(tuning, settings, folder, fabric) if tuning else None


def _followed(
    samples: Sequence[Sample], trained: Sequence[Sample], settings: TrainingSettings
) -> list[Sample]:
    """The films that the AUROC is followed on: of sources with both labels, none trained on."""
    name = settings.tuning_split
    if name == NO_SPLIT:
        return []
    if name == TrainingSettings.tuning_split and name not in {one.split for one in samples}:
        return []  # nobody asked for it
    followed = in_split(samples, name)
    for group in copies((*trained, *followed)):
        if not set(group).isdisjoint(trained) and not set(group).isdisjoint(followed):
            raise TbspotError(
                f"split '{name}' is trained on, as {group[0].path} is, so no AUROC can be followed "
                f"on it; give `tuning_split` another one, or '{NO_SPLIT}'"
            )
    paired = paired_sources(followed)
    return [sample for sample in followed if sample.source in paired]


def _decoded(
    samples: Sequence[Sample], settings: TrainingSettings, folder: Path, fabric: Fabric
) -> TrainingFilms:
    with fabric.rank_zero_first():
        cached = cache_films(samples, settings.size, settings.through, cache_beside(folder))
    return TrainingFilms(samples, cached, settings)


def _check(samples: Sequence[Sample], settings: TrainingSettings, fabric: Fabric) -> None:
    names = ", ".join(map(str, settings.data))
    require_both_classes(samples, f"split '{settings.split}' of {names}")
    _describe(settings).refuse_parts_of_places()
    if settings.halves > 0 and not (settings.teachers and settings.teacher_view == "clean"):
        raise TbspotError(
            "which half of a film has TB is told by a teacher that saw the whole film; use "
            '`teacher_view="clean"`, or `halves=0`'
        )
    # Halves of films with TB are pairs of any source.
    if settings.halves == 0 and not taught_sources(samples, settings):
        raise TbspotError(
            f"no source in {names} has films of both labels in split '{settings.split}'; "
            'add one, or use `label_sources="all"`'
        )
    films, rest = divmod(min(settings.batch_size, len(samples)), fabric.world_size)
    if rest:
        raise TbspotError(
            f"a batch of {settings.batch_size} films cannot be shared by {fabric.world_size} "
            "processes; choose a multiple of it"
        )
    one_place = films == 1 and settings.size == settings.output_stride
    if one_place and settings.batch_norm == "train" and settings.frozen_stages < settings.stages:
        raise TbspotError(
            "one film a batch and process, whose map is one place, has no variance to normalise "
            'by; use a greater `batch_size` or `size`, or `batch_norm="frozen"`'
        )


def _describe(settings: TrainingSettings) -> Description:
    """What the model's file will say, but for the films."""
    fields = ("name", "size", "through", "stages", "output_stride", "stride_place", "pooling")
    recipe = f"{settings.command}, {settings.epochs} epochs, seed {settings.seed}"
    own = {field: getattr(settings, field) for field in fields}
    return Description.of({**own, "recipe": recipe}, "a model")


def _finite(loss: Tensor, done: int, steps: int, fabric: Fabric) -> float:
    """The loss as the mean over processes, so that all of them stop where it is no number.

    Raises:
        TbspotError: it is none; further steps would only spoil the weights.
    """
    mean = torch.as_tensor(fabric.all_reduce(loss.detach())).item()
    if not math.isfinite(mean):
        raise diverged(f"the loss is {mean} in epoch {done // steps + 1}, step {done % steps + 1}")
    return mean


@torch.no_grad()
def _tuning_auroc(net: Classifier, tuning: TrainingFilms | None, fabric: Fabric) -> float | None:
    """Mean over sources of the AUROC within each; `None` where no source has both labels."""
    if tuning is None:
        return None
    net.eval()
    scores = []
    for first in range(0, len(tuning.samples), TUNING_BATCH):
        pixels = torch.from_numpy(tuning.cached.pixels[first : first + TUNING_BATCH].copy()).to(
            fabric.device
        )
        with fabric.autocast():
            scores.append(net(pixels.unsqueeze(1).float() / 255).logit.float().cpu())
    logits = torch.cat(scores).double().numpy()
    labels = np.array([sample.label for sample in tuning.samples])
    sources = np.array([sample.source for sample in tuning.samples])
    # In an order of their own: a sum in another one may differ in its last digit.
    paired = sorted(paired_sources(tuning.samples))
    return float(np.mean([auroc(labels[sources == s], logits[sources == s]) for s in paired]))


def _write_model(
    path: Path, net: Classifier, description: Description, settings: TrainingSettings
) -> None:
    whole = Classifier(description)
    whole.body.load_state_dict(unfolded_state(net.body, net.body.state_dict()))
    whole.head.load_state_dict(net.head.state_dict())
    whole.bias.data.copy_(net.bias.data)
    bias = net.bias.item()
    if settings.map_weight > 0 and settings.map_target == "probability":
        # Taught place by place, so that each place's probability means something by itself.
        taught = {"evidence": "probability", "baseline": "none", "bias": bias}
        description = description.model_copy(update=taught)
    save_classifier(path, whole, description)
