from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor, nn

from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.nets.classifier import Classifier, Output
from tbspot.nets.weights import load_classifier, save_classifier
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample
from tbspot.training import loop as training
from tbspot.training import step
from tbspot.training.cache import CachedFilms, cache_beside
from tbspot.training.checkpoints import CHECKPOINT_FILE
from tbspot.training.films import TrainingFilms, paired_sources
from tbspot.training.loop import MODEL_FILE, train
from tbspot.training.progress import Reporter
from tbspot.training.settings import TrainingSettings
from tbspot.training.step import batch_loss, optimizer_of, set_rates
from tbspot.training.teachers import CleanTeachers
from tbspot.training.views import Strength

STILL = Strength(**dict.fromkeys((field.name for field in dataclasses.fields(Strength)), 0.0))


@pytest.fixture(scope="module")
def settings(drawn: Path) -> TrainingSettings:
    """The smallest training there is: two epochs of two steps, a net without its heaviest stage."""
    return TrainingSettings(
        data=(str(drawn),),
        tuning_split="val",
        size=32,
        stages=3,
        output_stride=16,
        epochs=2,
        batch_size=18,
        frozen_stages=0,
    )


@pytest.fixture(scope="module")
def run(
    settings: TrainingSettings, fabric: Fabric, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingSettings, Path]:
    """A finished run that nobody interrupted, with a checkpoint after each step."""
    settings = dataclasses.replace(settings, average=0.5, minutes_between_checkpoints=0.0)
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(settings, folder, fabric)
    return settings, folder


def _weights(folder: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(folder / MODEL_FILE)


def _losses(folder: Path) -> list[float]:
    lines = (folder / "log.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["loss"] for line in lines]


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one.keys() | other.keys())


@contextmanager
def interrupted_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[None]:
    """A training that is interrupted once it has told of a step."""
    tell = Reporter.step

    def interrupt(self: Reporter, done: int, loss: float, films: int) -> None:
        tell(self, done, loss, films)
        if done == step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "step", interrupt)
        with pytest.raises(KeyboardInterrupt):
            yield


def _sample(source: str, label: int) -> Sample:
    return Sample(Path("film.png"), "film.png", label, source, "1")


def test_a_run_leaves_a_model_and_a_log_and_no_checkpoint(
    run: tuple[TrainingSettings, Path],
) -> None:
    settings, folder = run
    assert {path.name for path in folder.iterdir()} == {MODEL_FILE, "log.jsonl", "run.json"}
    assert len(_losses(folder)) == settings.epochs
    description = load_classifier(folder / MODEL_FILE)[1]
    assert (description.name, description.size, description.output_stride) == ("teacher", 32, 16)
    assert description.recipe == "train, 2 epochs, seed 0"
    assert len(description.data) == 16


def test_the_model_is_not_what_it_started_from(run: tuple[TrainingSettings, Path]) -> None:
    weights = _weights(run[1])
    assert weights["head.weight"].abs().max() > 0
    assert all(tensor.isfinite().all() for tensor in weights.values())


def test_a_finished_run_is_not_trained_again(
    run: tuple[TrainingSettings, Path], fabric: Fabric
) -> None:
    settings, folder = run
    before = (folder / MODEL_FILE).stat().st_mtime_ns
    assert train(settings, folder, fabric) == folder / MODEL_FILE
    assert (folder / MODEL_FILE).stat().st_mtime_ns == before


def test_a_run_killed_between_model_and_checkpoint_leaves_no_checkpoint_behind(
    run: tuple[TrainingSettings, Path], fabric: Fabric
) -> None:
    settings, folder = run
    (folder / CHECKPOINT_FILE).touch()
    train(settings, folder, fabric)
    assert not (folder / CHECKPOINT_FILE).exists()


def test_films_are_cached_beside_the_run_or_in_it_where_beside_it_is_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_beside(tmp_path / "run") == tmp_path / "cache"
    monkeypatch.chdir(tmp_path)
    assert cache_beside(Path()) == tmp_path.parent / "cache"
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        assert cache_beside(Path("run")) == Path("run/cache")
    monkeypatch.setattr(Path, "is_mount", lambda _: True)
    assert cache_beside(Path("run")) == Path("run/cache")


def test_a_folder_removed_while_a_run_trains_is_told_at_the_next_step(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Reporter.step
    steps: list[int] = []

    def remove(self: Reporter, done: int, loss: float, films: int) -> None:
        step(self, done, loss, films)
        steps.append(done)
        shutil.rmtree(tmp_path / "run")

    monkeypatch.setattr(Reporter, "step", remove)
    with pytest.raises(TbspotError, match="was removed, moved or emptied while this run"):
        train(settings, tmp_path / "run", fabric)
    assert steps == [1]
    assert not (tmp_path / "run").exists()


def test_a_student_of_a_teacher_that_was_taught_anew_is_another_run(
    run: tuple[TrainingSettings, Path], fabric: Fabric, tmp_path: Path
) -> None:
    settings, teacher = run
    path = tmp_path / "teacher.safetensors"
    shutil.copy(teacher / MODEL_FILE, path)
    student = dataclasses.replace(settings, teachers=(path,), epochs=1)
    before = train(student, tmp_path / "run", fabric).read_bytes()
    train(dataclasses.replace(settings, seed=7, epochs=1), tmp_path / "anew", fabric)
    shutil.copy(tmp_path / "anew" / MODEL_FILE, path)
    with pytest.raises(TbspotError, match=r"read other files .*teacher\.safetensors\); choose"):
        train(student, tmp_path / "run", fabric)
    assert (tmp_path / "run" / MODEL_FILE).read_bytes() == before
    assert train(student, tmp_path / "run", fabric, overwrite=True).read_bytes() != before


def test_a_run_does_not_go_on_with_other_labels_than_it_began_with(
    settings: TrainingSettings,
    fabric: Fabric,
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(f"tb/tb{n:04}.png", 1, "a") for n in (1, 2)]
    rows += [(f"health/h{n:04}.png", 0, "a") for n in (1, 2)]
    settings = dataclasses.replace(
        _table(tmp_path, drawn, rows), minutes_between_checkpoints=0.0, batch_size=2
    )
    with interrupted_at(monkeypatch, 2):
        train(settings, tmp_path / "run", fabric)
    _table(tmp_path, drawn, [(name, 1 - label, source) for name, label, source in rows])
    with pytest.raises(TbspotError, match=r"read other files under the same names \(films\)"):
        train(settings, tmp_path / "run", fabric)
    assert (tmp_path / "run" / CHECKPOINT_FILE).exists()


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_interrupted_at_any_step_comes_to_the_same_weights(
    run: tuple[TrainingSettings, Path],
    fabric: Fabric,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    settings, whole = run
    with interrupted_at(monkeypatch, steps + 1):
        train(settings, tmp_path / "run", fabric)
    assert (tmp_path / "run" / CHECKPOINT_FILE).exists()
    train(settings, tmp_path / "run", fabric)
    assert _equal(_weights(tmp_path / "run"), _weights(whole))
    assert _losses(tmp_path / "run") == _losses(whole)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint_before_it(
    run: tuple[TrainingSettings, Path],
    fabric: Fabric,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spoilt(logits: Tensor, *_: object) -> Tensor:
        asked.append(1)
        return logits * (float("nan") if len(asked) == 4 else 1.0)

    asked: list[int] = []
    monkeypatch.setattr(step, "label_loss", spoilt)
    with pytest.raises(TbspotError, match=r"loss is nan in epoch 2, step 2; .* lower `body_rate`"):
        train(run[0], tmp_path / "run", fabric)
    saved = torch.load(tmp_path / "run" / CHECKPOINT_FILE, weights_only=True)
    assert saved["done"] == 3
    assert not (tmp_path / "run" / MODEL_FILE).exists()


@pytest.mark.parametrize(
    ("progress", "factor"), [(0.0, 0.04), (0.1, 0.52), (0.2, 1.0), (0.6, 0.5), (1.0, 0.0)]
)
def test_each_rate_rises_to_a_peak_of_its_own_and_falls_as_a_cosine(
    settings: TrainingSettings, progress: float, factor: float
) -> None:
    chosen = dataclasses.replace(settings, body_rate=0.5, head_rate=4.0)
    net = Classifier(Description(name="net", size=32, stages=3, output_stride=16))
    optimizer = optimizer_of(net, chosen)
    set_rates(optimizer, progress)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(
        [0.5 * factor, 4.0 * factor]
    )


def test_rates_that_are_far_too_high_stop_the_run(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path
) -> None:
    wild = dataclasses.replace(settings, body_rate=1e30, head_rate=1e30)
    with pytest.raises(TbspotError, match="the training diverged"):
        train(wild, tmp_path / "run", fabric)
    assert not (tmp_path / "run" / MODEL_FILE).exists()


def test_another_seed_gives_other_weights(
    run: tuple[TrainingSettings, Path], fabric: Fabric, tmp_path: Path
) -> None:
    settings = dataclasses.replace(run[0], seed=1, epochs=1)
    train(settings, tmp_path / "run", fabric)
    name = "body.layer3.5.conv2.weight"
    assert not torch.equal(_weights(tmp_path / "run")[name], _weights(run[1])[name])


@pytest.mark.usefixtures("small_disk")
def test_a_disk_full_during_a_checkpoint_stops_the_run_and_leaves_no_part_of_it(
    run: tuple[TrainingSettings, Path], fabric: Fabric, tmp_path: Path
) -> None:
    with pytest.raises(TbspotError, match=r"cannot write .*checkpoint\.pt"):
        train(run[0], tmp_path / "run", fabric)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


def test_a_student_that_starts_as_its_teacher_has_nothing_to_learn_from_its_scores(
    run: tuple[TrainingSettings, Path], fabric: Fabric, tmp_path: Path
) -> None:
    teacher = run[1] / MODEL_FILE
    settings = dataclasses.replace(
        run[0],
        teachers=(teacher,),
        init=str(teacher),
        label_weight=0.0,
        average=0.0,
        epochs=1,
        weight_decay=0.0,
    )
    train(settings, tmp_path / "student", fabric)
    assert _losses(tmp_path / "student") == pytest.approx([0.0], abs=1e-5)
    assert load_classifier(tmp_path / "student" / MODEL_FILE)[1].recipe.startswith("distill")


@pytest.mark.parametrize("view", ["same", "clean"])
def test_a_student_comes_closer_to_its_teacher_in_scores_and_maps(
    run: tuple[TrainingSettings, Path], fabric: Fabric, tmp_path: Path, view: str
) -> None:
    teacher = tmp_path / "teacher.safetensors"
    net, description = load_classifier(run[1] / MODEL_FILE)
    torch.nn.init.normal_(net.head.weight, std=0.2, generator=torch.Generator().manual_seed(0))
    save_classifier(teacher, net, description)
    before = teacher.read_bytes()
    torch.nn.init.zeros_(net.head.weight)
    save_classifier(tmp_path / "start.safetensors", net, description)
    settings = dataclasses.replace(
        run[0],
        teachers=(teacher,),
        teacher_view=view,
        map_weight=1.0,
        label_weight=0.0,
        init=str(tmp_path / "start.safetensors"),
        views=STILL,
        average=0.0,
        minutes_between_checkpoints=5.0,
    )
    train(settings, tmp_path / "student", fabric)
    losses = _losses(tmp_path / "student")
    assert losses[-1] < losses[0]
    assert teacher.read_bytes() == before


def test_only_paired_sources_teach_the_label_when_asked(settings: TrainingSettings) -> None:
    samples = [_sample("a", 0), _sample("a", 1), _sample("b", 1)]
    assert paired_sources(samples) == {"a"}
    films = CachedFilms(np.zeros((3, 32, 32), np.uint8), "none")
    fabric = Fabric(accelerator="cpu", devices=1)
    for sources, counted in (("all", [1, 1, 1]), ("paired", [1, 1, 0])):
        chosen = dataclasses.replace(settings, label_sources=sources)
        batch = next(iter(TrainingFilms(samples, films, chosen).batches(0, 0, fabric)))
        assert batch.counted[np.argsort(batch.index)].tolist() == counted


class _Brightness(nn.Module):
    """A net that says of a film how bright it is, as long as it is not training."""

    def forward(self, films: Tensor) -> Output:
        brightness = films.mean((1, 2, 3)) * (-1 if self.training else 1)
        return Output(brightness, films.squeeze(1))


def test_the_auroc_that_is_followed_is_the_mean_of_sources_with_both_labels(
    settings: TrainingSettings, fabric: Fabric
) -> None:
    """Of source a 3 of 4 pairs are in order; c has one label, and does not count."""
    of_a = [("a", 0, 10), ("a", 0, 30), ("a", 1, 20), ("a", 1, 40)]
    of_b = [("b", label, 100 + 50 * label) for label in (0, 1) * 4]
    told = [*of_b, *of_a, ("c", 1, 0), ("b", 0, 50), ("c", 1, 5), ("b", 1, 90), ("b", 1, 95), *of_b]
    assert len(told) > training.TUNING_BATCH
    pixels = np.array([[[grey]] for _, _, grey in told], np.uint8)
    samples = [_sample(source, label) for source, label, _ in told]
    tuning = TrainingFilms(samples, CachedFilms(pixels, "none"), settings)
    # Of b 9 films without TB, 10 with it; two of these are darker than the 8 of 100.
    found = training._tuning_auroc(_Brightness(), tuning, fabric)  # type: ignore[arg-type]
    assert found == pytest.approx((3 / 4 + (90 - 16) / 90) / 2)
    assert training._tuning_auroc(_Brightness(), None, fabric) is None  # type: ignore[arg-type]


def test_each_epoch_shows_each_film_once_in_an_order_of_its_own(settings: TrainingSettings) -> None:
    samples = [_sample("a", index % 2) for index in range(12)]
    films = CachedFilms(np.arange(12, dtype=np.uint8).repeat(4).reshape(12, 2, 2), "none")
    fabric = Fabric(accelerator="cpu", devices=1)
    made = TrainingFilms(samples, films, dataclasses.replace(settings, batch_size=4))
    orders = [
        np.concatenate([batch.index for batch in made.batches(epoch, 0, fabric)])
        for epoch in (0, 1, 0)
    ]
    assert sorted(orders[0]) == list(range(12))
    assert not np.array_equal(orders[0], orders[1])
    assert np.array_equal(orders[0], orders[2])
    rest = [batch.index for batch in made.batches(0, 2, fabric)]
    assert np.array_equal(np.concatenate(rest), orders[0][8:])
    batch = next(iter(made.batches(0, 0, fabric)))
    assert (batch.films[:, 0, 0, 0] * 255).round().tolist() == orders[0][:4].tolist()


def test_a_batch_that_cannot_be_made_ends_the_epoch_with_its_own_error(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are made ahead of their use, in a thread: nothing may be lost there."""
    samples = [_sample("a", index % 2) for index in range(12)]
    films = CachedFilms(np.zeros((12, 2, 2), np.uint8), "none")
    made = TrainingFilms(samples, films, dataclasses.replace(settings, batch_size=4))
    make, steps = made._batch, iter([True, True, False])
    monkeypatch.setattr(made, "_batch", lambda *given: make(*given) if next(steps) else 1 / 0)
    batches = made.batches(0, 0, Fabric(accelerator="cpu", devices=1))
    assert [len(next(batches).index) for _ in range(2)] == [4, 4]
    with pytest.raises(ZeroDivisionError):
        next(batches)


def test_the_half_beside_tb_is_taught_as_free_of_it_and_the_other_as_tb(
    settings: TrainingSettings,
) -> None:
    """Films of one source, all with TB: 0 and 1 on the left, 2 on both sides, 3 without TB."""
    samples = [_sample("a", 1)] * 3 + [_sample("b", 0)]
    films = CachedFilms(np.arange(4 * 16, dtype=np.uint8).reshape(4, 4, 4), "none")
    maps = torch.zeros(4, 4, 4)
    maps[[0, 1, 3], 1, 0] = 1
    maps[2, 1, :] = 1
    halving = dataclasses.replace(settings, halves=1.0, label_sources="all", draw_lesions=1.0)
    made = TrainingFilms(samples, films, halving)
    made.locate_sides(maps, 0.1)
    fabric, seen = Fabric(accelerator="cpu", devices=1), set()
    for epoch in range(10):
        for batch in made.batches(epoch, 0, fabric):
            for index, label, kept in zip(batch.index, batch.labels, batch.halves, strict=True):
                assert kept == 0 if index > 1 else kept != 0
                # Lesions are drawn into the whole film without TB alone.
                assert label == (1 if index > 1 else kept < 0)
                seen.add((int(index), int(kept)))
    assert {(0, -1), (0, 1), (1, -1), (1, 1)} < seen


def test_of_a_source_with_one_label_only_halves_teach_it(settings: TrainingSettings) -> None:
    """Beside them a whole film of that source would be told by not being a half."""
    samples = [_sample("a", 1)] * 20 + [_sample("b", 0), _sample("b", 1)]
    films = CachedFilms(np.zeros((22, 4, 4), np.uint8), "none")
    chosen = dataclasses.replace(settings, halves=0.5, label_sources="paired", batch_size=22)
    made = TrainingFilms(samples, films, chosen)
    maps = torch.zeros(22, 4, 4)
    maps[:20, 0, 0] = 1
    made.locate_sides(maps, 0.1)
    batch = next(made.batches(0, 0, Fabric(accelerator="cpu", devices=1)))
    halves, of_a = batch.halves != 0, batch.index < 20
    assert 0 < halves.sum() < 20
    assert batch.counted[torch.from_numpy(of_a)].tolist() == halves[of_a].tolist()
    assert batch.counted[torch.from_numpy(~of_a)].tolist() == [1, 1]


def test_a_teacher_s_score_of_the_whole_film_is_not_taught_for_a_half(
    settings: TrainingSettings,
) -> None:
    films = CachedFilms(np.random.default_rng(0).integers(0, 255, (4, 32, 32), np.uint8), "none")
    chosen = dataclasses.replace(
        settings, halves=1.0, label_weight=1e-9, map_weight=0.0, views=STILL, batch_size=4
    )
    made = TrainingFilms([_sample("a", 1)] * 4, films, chosen)
    maps = torch.zeros(4, 4, 4)
    maps[:2, 0, 0] = 1
    made.locate_sides(maps, 0.1)
    batch = next(made.batches(0, 0, Fabric(accelerator="cpu", devices=1)))
    net = Classifier(Description(name="net", size=32, stages=3, output_stride=16))
    whole = torch.from_numpy(batch.halves == 0)
    logits = torch.tensor([3.0, 3.0, 0.0, 0.0])
    for told, is_taught in ((logits, False), (logits.flip(0), True)):
        loss = batch_loss(net, batch, CleanTeachers(told, maps), chosen, 0)
        assert whole.sum() == 2
        assert (loss > 0.1) == is_taught


def test_a_run_of_halves_comes_to_its_end(
    run: tuple[TrainingSettings, Path], fabric: Fabric, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher.safetensors"
    net, description = load_classifier(run[1] / MODEL_FILE)
    torch.nn.init.normal_(net.head.weight, std=0.2, generator=torch.Generator().manual_seed(0))
    save_classifier(teacher, net, description)
    halving = dataclasses.replace(
        run[0],
        teachers=(teacher,),
        teacher_view="clean",
        map_weight=1.0,
        map_target="overlap",
        halves=1.0,
        draw_lesions=0.5,
        epochs=1,
    )
    train(halving, tmp_path / "student", fabric)
    assert np.isfinite(_losses(tmp_path / "student")).all()


def test_halves_are_taught_where_each_class_has_a_source_of_its_own(
    run: tuple[TrainingSettings, Path], drawn: Path, fabric: Fabric, tmp_path: Path
) -> None:
    films = sorted((drawn / "imgs").rglob("*.png"))[:8]
    rows = [
        (str(one.relative_to(drawn / "imgs")), n % 2, "ab"[n % 2]) for n, one in enumerate(films)
    ]
    halving = dataclasses.replace(
        _table(tmp_path, drawn, rows),
        teachers=(run[1] / MODEL_FILE,),
        teacher_view="clean",
        label_sources="paired",
        tuning_split="none",
        halves=1.0,
        epochs=1,
        batch_size=8,
    )
    assert train(halving, tmp_path / "student", fabric).exists()


def test_the_auroc_in_the_log_is_that_of_the_average_that_is_written(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = []

    def follow(net: Classifier, *_: object) -> float:
        heads.append(net.head.weight.detach().clone())
        return 0.5

    monkeypatch.setattr(training, "_tuning_auroc", follow)
    train(dataclasses.replace(settings, average=0.9), tmp_path / "run", fabric)
    assert len(heads) == settings.epochs
    assert torch.equal(heads[-1], _weights(tmp_path / "run")["head.weight"])


def _table(folder: Path, drawn: Path, rows: list[tuple[str, int, str]]) -> TrainingSettings:
    """TrainingSettings to train on a table of drawn films, labels and sources."""
    path = folder / "films.csv"
    lines = ["path,label,source,split", *(f"{film},{label},{s},train" for film, label, s in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return TrainingSettings(data=(f"{path}?root={drawn / 'imgs'}",), size=32)


@pytest.mark.parametrize(
    ("label", "sentence"), [(1, "only films with TB"), (0, "has no film with TB")]
)
def test_films_of_one_class_are_one_clear_sentence(
    fabric: Fabric, drawn: Path, tmp_path: Path, label: int, sentence: str
) -> None:
    settings = _table(
        tmp_path, drawn, [("tb/tb0001.png", label, "a"), ("health/h0001.png", label, "a")]
    )
    with pytest.raises(TbspotError, match=sentence):
        train(settings, tmp_path / "run", fabric)
    assert not (tmp_path / "run").exists()


def test_sources_of_one_class_each_are_one_clear_sentence_when_pairs_are_asked_for(
    fabric: Fabric, drawn: Path, tmp_path: Path
) -> None:
    settings = _table(tmp_path, drawn, [("tb/tb0001.png", 1, "a"), ("health/h0001.png", 0, "b")])
    with pytest.raises(TbspotError, match=r'no source in .* `label_sources="all"`'):
        train(dataclasses.replace(settings, label_sources="paired"), tmp_path / "run", fabric)


def test_films_to_follow_that_there_are_not_are_one_clear_sentence(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path
) -> None:
    mistyped = dataclasses.replace(settings, tuning_split="vall")
    with pytest.raises(TbspotError, match=r"no film is in split 'vall'; there are: train, val"):
        train(mistyped, tmp_path / "run", fabric)


@pytest.mark.parametrize(("split", "tuning_split"), [("train", "train"), ("trainval", "val")])
def test_no_film_is_both_trained_on_and_followed(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path, split: str, tuning_split: str
) -> None:
    both = dataclasses.replace(settings, split=split, tuning_split=tuning_split)
    with pytest.raises(TbspotError, match=f"'{tuning_split}' is trained on"):
        train(both, tmp_path / "run", fabric)


def test_no_copy_of_a_film_is_followed_that_is_trained_on(
    settings: TrainingSettings, drawn: Path, tmp_path: Path
) -> None:
    films = [drawn / "imgs" / name for name in ("tb/tb0001.png", "health/h0001.png")]
    trained = [Sample(one, one.name, n, "a", one.name, "train") for n, one in enumerate(films)]
    shutil.copy(films[0], tmp_path / "copy.png")
    copy = Sample(tmp_path / "copy.png", "copy.png", 0, "a", "copy", "val")
    with pytest.raises(TbspotError, match=r"'val' is trained on, as .*tb0001\.png is"):
        training._followed([*trained, copy], trained, settings)


def test_films_are_drawn_by_source_and_name_whatever_a_table_s_rows(
    drawn: Path, fabric: Fabric, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"tb/tb{n:04}.png", 1, "b") for n in (1, 2, 2000)]
    rows += [(f"health/h{n:04}.png", 0, "ba"[n % 2]) for n in (1, 2)]
    seen = []
    for order in (rows, rows[::-1]):
        films, _ = training._read(_table(tmp_path, drawn, order), tmp_path / "run", fabric)
        seen.append(([one.name for one in films.samples], films.cached.fingerprint))
        # What was found in the data is told.
        assert "note: " in capsys.readouterr().out
    assert seen[0] == seen[1]
    assert seen[0][0] == [f"{name}.png" for name in ("health/h0001", "health/h0002", "tb/tb0001",
                                                     "tb/tb0002")]  # fmt: skip


def test_a_batch_of_one_film_and_place_has_nothing_to_be_normalised_by(
    settings: TrainingSettings, drawn: Path, fabric: Fabric
) -> None:
    samples = load([str(drawn)]).samples
    one = dataclasses.replace(
        settings, stages=4, output_stride=32, batch_size=1, batch_norm="train"
    )
    with pytest.raises(TbspotError, match=r"`batch_size` or `size`, or `batch_norm=\"frozen\"`"):
        training._check(samples, one, fabric)
    for change in ({"size": 64}, {"batch_size": 2}, {"batch_norm": "frozen"}, {"frozen_stages": 4}):
        training._check(samples, dataclasses.replace(one, **change), fabric)


def test_a_checkpoint_is_of_one_run_alone(settings: TrainingSettings) -> None:
    known = training._identity(settings, {"films": "a"})
    assert known == training._identity(dataclasses.replace(settings), {"films": "a"})
    assert known != training._identity(settings, {"films": "b"})
    for change in ({"seed": 1}, {"data": ("other",)}, {"teachers": (Path("model.onnx"),)}):
        other: dict[str, Any] = change
        assert training._identity(dataclasses.replace(settings, **other), {"films": "a"}) != known


@pytest.mark.parametrize("tuning_split", ["tune", "none"])
def test_a_data_set_without_films_to_follow_trains(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path, tuning_split: str
) -> None:
    silent = dataclasses.replace(settings, tuning_split=tuning_split, epochs=1)
    train(silent, tmp_path / "run", fabric)
    (line,) = (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["tuning_auroc"] is None


def test_a_split_that_does_not_exist_is_one_clear_sentence(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path
) -> None:
    with pytest.raises(TbspotError, match="no film is in split 'elsewhere'"):
        train(dataclasses.replace(settings, split="elsewhere"), tmp_path / "run", fabric)


def test_a_net_of_three_stages_needs_a_stride_that_it_has(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path
) -> None:
    with pytest.raises(TbspotError, match="a net of 3 stages has an output stride of 8 or 16"):
        train(dataclasses.replace(settings, output_stride=32), tmp_path / "run", fabric)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"through": 8}, "a model cannot have through 8: Input should be greater than or equal"),
        ({"size": 5000}, "a model cannot have size 5000: Input should be less than or equal"),
        ({"size": 100}, "stride of 16 sees films of 96 pixels, not of 100; use `size=96`"),
        ({"name": ""}, "a model cannot have name : String should have at least 1 character"),
        ({"name": "x" * 201}, "String should have at most 200 characters"),
    ],
)
def test_what_no_model_can_be_is_told_before_a_film_is_decoded(
    settings: TrainingSettings,
    fabric: Fabric,
    tmp_path: Path,
    change: dict[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(TbspotError, match=sentence):
        train(dataclasses.replace(settings, **change), tmp_path / "run", fabric)
    assert not list(tmp_path.rglob("films-*"))


def test_halves_need_a_teacher_that_saw_the_whole_film(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path
) -> None:
    with pytest.raises(TbspotError, match=r"saw the whole film; use `teacher_view=.clean.`"):
        train(dataclasses.replace(settings, halves=0.5), tmp_path / "run", fabric)


def test_drawn_lesions_make_pairs_of_a_source_that_has_none(settings: TrainingSettings) -> None:
    samples = [_sample("a", 1), _sample("b", 0), _sample("b", 0)]
    films = CachedFilms(np.full((3, 32, 32), 90, np.uint8), "none")
    fabric = Fabric(accelerator="cpu", devices=1)
    chosen = dataclasses.replace(settings, label_sources="paired", draw_lesions=0.5)
    batch = next(iter(TrainingFilms(samples, films, chosen).batches(0, 0, fabric)))
    assert batch.counted[np.argsort(batch.index)].tolist() == [0, 1, 1]


def test_a_film_with_drawn_lesions_is_taught_as_tb_and_the_same_film_without_as_none(
    settings: TrainingSettings, fabric: Fabric, drawn: Path
) -> None:
    samples = [_sample("a", 0)] * 12
    film = Image.open(drawn / "imgs" / "health" / "h0001.png").resize((64, 64))
    films = CachedFilms(np.stack([np.asarray(film)] * 12), "none")
    chosen = dataclasses.replace(settings, draw_lesions=0.5)
    batch = next(iter(TrainingFilms(samples, films, chosen).batches(0, 0, fabric)))
    assert torch.equal(batch.labels, batch.drawn)
    assert 0 < batch.drawn.sum() < 12
    plain = torch.from_numpy(np.array(film)).float() / 255
    assert all(torch.equal(one, plain) for one in batch.films[batch.drawn == 0, 0])


def test_the_map_comes_to_reach_as_far_as_drawn_lesions(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path, run: tuple[TrainingSettings, Path]
) -> None:
    """With no other loss, that on drawn lesions falls; a teacher does not stand in the way."""
    description = load_classifier(run[1] / MODEL_FILE)[1]
    wider = description.model_copy(update={"size": 64, "output_stride": 8})
    torch.manual_seed(0)
    net = Classifier(wider)
    torch.nn.init.normal_(net.head.weight, std=0.2)
    start = tmp_path / "start.safetensors"
    save_classifier(start, net, wider)
    learning = dataclasses.replace(
        settings,
        size=64,
        output_stride=8,
        draw_lesions=1.0,
        label_weight=0.0,
        score_weight=0.0,
        teachers=(start,),
        init=str(start),
        batch_norm="train",
        views=STILL,
        body_rate=1e-3,
        epochs=4,
    )
    train(learning, tmp_path / "run", fabric)
    losses = _losses(tmp_path / "run")
    assert losses[-1] < 0.95 * losses[0]


def test_a_run_with_drawn_lesions_interrupted_comes_to_the_same_weights(
    settings: TrainingSettings, fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = dataclasses.replace(settings, draw_lesions=0.5, minutes_between_checkpoints=0.0)
    train(drawing, tmp_path / "whole", fabric)
    with interrupted_at(monkeypatch, 3):
        train(drawing, tmp_path / "run", fabric)
    train(drawing, tmp_path / "run", fabric)
    assert _equal(_weights(tmp_path / "run"), _weights(tmp_path / "whole"))
