from __future__ import annotations

import json
from pathlib import Path

import pytest

from tbspot.training.progress import Reporter


def test_each_epoch_is_a_line_of_the_log_with_its_mean_loss(tmp_path: Path) -> None:
    with Reporter(tmp_path, 4, 0, silent=False) as reporter:
        for done, loss in enumerate([1.0, 2.0, 3.0, 5.0], 1):
            reporter.step(done, loss, 16)
            if done % 2 == 0:
                reporter.epoch(done // 2, 0.75 if done == 4 else None)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert [line["loss"] for line in lines] == [1.5, 4.0]
    assert [line["tuning_auroc"] for line in lines] == [None, 0.75]
    assert all(line["images_per_second"] > 0 for line in lines)


def test_a_run_that_goes_on_adds_to_its_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"epoch": 1}\n', "utf-8")
    with Reporter(tmp_path, 4, 2, silent=False) as reporter:
        reporter.step(3, 1.0, 16)
        reporter.epoch(2, None)
    lines = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_process_that_is_not_the_first_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Reporter(tmp_path, 1, 0, silent=True) as reporter:
        reporter.step(1, 1.0, 16)
        reporter.epoch(1, None)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out.strip() == ""


def test_the_bar_tells_loss_auroc_and_speed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Reporter(tmp_path, 2, 0, silent=False) as reporter:
        reporter.step(1, 0.5, 16)
        reporter.epoch(1, 0.75)
        reporter.step(2, 0.25, 16)
    shown = capsys.readouterr().out
    assert "loss 0.2500" in shown
    assert "tuning AUROC 0.750" in shown
    assert "images/s" in shown


def test_lines_of_epochs_that_were_not_saved_and_lines_cut_off_are_dropped(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    saved = b'{"epoch": 1}\n{"epoch": 2}\n'
    log.write_bytes(saved + b'{"epoch": 3}\n\0\0\n[]\n{"epoch": Infinity}\n')
    with log.open("ab") as lines:
        lines.write(b"[" * 100_000 + b'\n{"epo')
    with Reporter(tmp_path, 8, 5, epochs=2, losses=[1.0], silent=False) as reporter:
        assert log.read_bytes() == saved
        reporter.step(6, 2.0, 16)
        reporter.epoch(3, None)
    assert json.loads(log.read_text("utf-8").splitlines()[2])["loss"] == 1.5
