from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from tbspot.errors import TbspotError
from tbspot.training.checkpoints import CHECKPOINT_FILE, TrainingState

FILMS = torch.rand(8, 4, generator=torch.Generator().manual_seed(0))


def _net(features: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, features), nn.BatchNorm1d(features))


def _start(
    folder: Path, net: nn.Module | None = None, *, averaged: bool = True, run: str = "this"
) -> TrainingState:
    net = net or _net()
    optimizer = torch.optim.AdamW(net.parameters(), 0.1)
    return TrainingState.start(net, optimizer, folder, averaged=averaged, run=run, steps=9)


def _step(state: TrainingState, steps: int = 1) -> None:
    for _ in range(steps):
        state.optimizer.zero_grad()
        state.net(FILMS).square().mean().backward()
        state.optimizer.step()
        state.advance(0.9)


def test_training_goes_on_from_a_checkpoint_as_if_nothing_had_happened(
    tmp_path: Path, fabric: Fabric
) -> None:
    state = _start(tmp_path)
    _step(state, 3)
    state.save(tmp_path, fabric)
    resumed = _start(tmp_path, _net())
    assert resumed.done == 3
    for one in (state, resumed):
        _step(one, 3)
    assert resumed.done == 6
    for before, after in (
        (state.net.state_dict(), resumed.net.state_dict()),
        (state.average, resumed.average),
    ):
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_losses_of_the_epoch_that_has_begun_are_kept(tmp_path: Path, fabric: Fabric) -> None:
    state = _start(tmp_path)
    state.losses += [0.25, 1 / 3]
    state.save(tmp_path, fabric)
    assert _start(tmp_path).losses == [0.25, 1 / 3]


def test_the_average_moves_slowly_from_the_first_step_on(tmp_path: Path) -> None:
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(0.0)
    state = _start(tmp_path, net)
    net.weight.data.fill_(1.0)
    state.advance(0.9)
    # The decay is 1 / 11 at first: the average forgets its start.
    assert state.average["weight"].item() == pytest.approx(10 / 11)
    state.advance(0.05)
    assert state.average["weight"].item() == pytest.approx(1 - 0.05 / 11)


def test_counts_are_copied_into_the_average(tmp_path: Path) -> None:
    state = _start(tmp_path)
    _step(state, 2)
    assert state.average["1.num_batches_tracked"].item() == 2


def test_without_an_average_none_is_kept(tmp_path: Path, fabric: Fabric) -> None:
    state = _start(tmp_path, averaged=False)
    _step(state)
    state.save(tmp_path, fabric)
    assert state.average == {}
    assert _start(tmp_path, averaged=False).done == 1


def test_a_checkpoint_is_saved_when_its_time_has_come(tmp_path: Path, fabric: Fabric) -> None:
    state = _start(tmp_path)
    _step(state)
    state.save_if_due(tmp_path, 60.0, 2, fabric)
    assert not (tmp_path / CHECKPOINT_FILE).exists()
    state.save_if_due(tmp_path, 0.0, 2, fabric)
    assert (tmp_path / CHECKPOINT_FILE).exists()


def test_an_epoch_s_last_step_is_not_saved_before_its_line(tmp_path: Path, fabric: Fabric) -> None:
    state = _start(tmp_path)
    _step(state, 2)
    state.save_if_due(tmp_path, 0.0, 2, fabric)
    assert not (tmp_path / CHECKPOINT_FILE).exists()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_and_the_earlier_checkpoint_stays(
    tmp_path: Path, fabric: Fabric, wrong: float
) -> None:
    state = _start(tmp_path)
    state.save(tmp_path, fabric)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    state.net.state_dict()["0.weight"][0, 0] = wrong
    with pytest.raises(TbspotError, match=r"diverged: weights .* after step 0; .* `body_rate`"):
        state.save(tmp_path, fabric)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before


@pytest.mark.parametrize("length", [0, 100, 1000])
def test_a_truncated_checkpoint_is_one_clear_sentence_and_stays(
    tmp_path: Path, fabric: Fabric, length: int
) -> None:
    _start(tmp_path).save(tmp_path, fabric)
    path = tmp_path / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(TbspotError, match=r"checkpoint\.pt is not a checkpoint of this run"):
        _start(tmp_path)
    assert path.stat().st_size == length


@pytest.mark.parametrize(
    ("error", "said"),
    [(OSError(errno.EIO, "Input/output error"), r"cannot be read \(Input/output error\)"),
     (OSError(errno.EMFILE, "Too many open files"), r"cannot be read \(Too many open files\)"),
     (MemoryError(), "memory ran out for"),
     (RuntimeError("can't allocate memory: you tried"), "memory ran out for")],
)  # fmt: skip
def test_of_a_checkpoint_that_cannot_be_read_now_nobody_is_told_to_remove_it(
    tmp_path: Path, fabric: Fabric, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    _start(tmp_path).save(tmp_path, fabric)
    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(TbspotError, match=f"{said}.*the same command goes on") as told:
        _start(tmp_path)
    assert "remove" not in str(told.value)


def test_a_checkpoint_of_another_net_is_one_clear_sentence_and_stays(
    tmp_path: Path, fabric: Fabric
) -> None:
    _start(tmp_path, _net(5)).save(tmp_path, fabric)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    with pytest.raises(TbspotError, match="remove it to train from the start"):
        _start(tmp_path)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before


@pytest.mark.parametrize(("run", "done"), [("another", 3), ("this", 10), ("this", -1)])
def test_a_checkpoint_of_another_run_of_the_same_net_is_refused_and_stays(
    tmp_path: Path, fabric: Fabric, run: str, done: int
) -> None:
    state = _start(tmp_path, run=run)
    state.done = done
    state.save(tmp_path, fabric)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    with pytest.raises(TbspotError, match="is not a checkpoint of this run"):
        _start(tmp_path)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before


class _Malice:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("touched"),)


def test_a_checkpoint_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with (tmp_path / CHECKPOINT_FILE).open("wb") as file:
        pickle.dump(_Malice(), file)
    with pytest.raises(TbspotError, match="not a checkpoint"):
        _start(tmp_path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.usefixtures("small_disk")
def test_a_disk_full_during_a_checkpoint_is_one_clear_sentence_and_the_earlier_one_stays(
    tmp_path: Path, fabric: Fabric
) -> None:
    state = _start(tmp_path)
    state.save(tmp_path, fabric)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    state.average["large"] = torch.zeros(2**20)
    with pytest.raises(TbspotError, match=r"cannot write .*checkpoint\.pt: .*free space"):
        state.save(tmp_path, fabric)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_FILE]
