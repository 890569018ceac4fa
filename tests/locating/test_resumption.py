from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from engines import bright, bright_engine
from tbspot.engine.engine import Answer
from tbspot.errors import TbspotError
from tbspot.images import Film
from tbspot.images.decoding import Decoder
from tbspot.locating import Counts, Item, LocateSettings, find_items, locate
from tbspot.locating.resumption import STAMPS_FILE, see
from tbspot.records.predictions import FILE_NAME, read_predictions


class Run:
    """The same command on a folder of films, again and again; counts the films it asks of."""

    def __init__(self, films: Path, out: Path) -> None:
        self.films, self.out = films, out
        self.asked = 0
        self.said = ""

    def __call__(self) -> Counts:
        self.asked = 0

        def ask(batch: np.ndarray) -> Answer:
            self.asked += 1
            return bright(batch)

        engine = replace(bright_engine(), ask=ask)
        settings = LocateSettings((str(self.films),), "", "bright v1", "fake", "cam", gate=False)
        console = Console(file=io.StringIO(), width=1000)
        try:
            return locate(find_items([self.films], self.out), engine, settings, self.out, console)
        finally:
            self.said = console.file.getvalue()  # type: ignore[attr-defined]

    def scores(self) -> dict[str, float | None]:
        """By film, in the order of the lines."""
        return {one.image: one.score for one in read_predictions(self.out)}


@pytest.fixture
def run(drawn: Path, tmp_path: Path) -> Run:
    """Five films, located once."""
    films = tmp_path / "films"
    films.mkdir()
    for number in range(1, 6):
        shutil.copy(drawn / "imgs" / "tb" / f"tb{number:04}.png", films / f"{number}.png")
    run = Run(films, tmp_path / "found")
    assert run() == Counts(ok=5, refused=0, failed=0)
    return run


def _whole(run: Run) -> bytes:
    """The lines of a run that nothing came before."""
    fresh = Run(run.films, run.out.with_name("fresh"))
    fresh()
    return (fresh.out / FILE_NAME).read_bytes()


def test_a_line_says_of_which_bytes_it_is(run: Run) -> None:
    line = next(read_predictions(run.out))
    seen = see(run.films / "1.png", follow_links=False)
    assert seen is not None
    assert (line.bytes, line.sha256) == (seen.bytes, seen.sha256)
    assert line.bytes == (run.films / "1.png").stat().st_size


def test_films_that_are_as_they_were_are_neither_asked_of_nor_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tbspot.locating.resumption.see", None)
    run()
    assert run.asked == 0


def test_a_film_in_the_place_of_another_gets_an_answer_of_its_own(run: Run, drawn: Path) -> None:
    before = run.scores()
    shutil.copy(drawn / "imgs" / "health" / "h0001.png", run.films / "2.png")
    run()
    assert run.asked == 1
    assert "note: films not as they were, and read again: 1 (2.png)" in run.said
    after = run.scores()
    assert list(after) == list(before)
    assert {name for name in after if after[name] != before[name]} == {"2.png"}
    assert (run.out / FILE_NAME).read_bytes() == _whole(run)


def test_a_film_of_the_same_size_and_time_as_the_one_before_is_told_from_it(run: Run) -> None:
    # As films without compression have in an archive that sets every time alike.
    path = run.films / "3.png"
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    run()
    assert "read again: 1 (3.png)" in run.said


def test_a_film_that_was_only_touched_or_copied_is_not_asked_of_again(run: Run) -> None:
    before = (run.out / FILE_NAME).read_bytes()
    os.utime(run.films / "1.png", (0, 0))
    shutil.copy(run.films / "2.png", run.films / "copy")
    (run.films / "copy").replace(run.films / "2.png")
    run()
    assert run.asked == 0
    assert (run.out / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"[", b'["1.png"]\n7\n\xff\n["1.png", "0"]\n'])
def test_without_stamps_films_are_known_by_their_bytes(run: Run, content: bytes | None) -> None:
    (run.out / STAMPS_FILE).unlink()
    if content is not None:
        (run.out / STAMPS_FILE).write_bytes(content)
    run()
    assert run.asked == 0
    assert len((run.out / STAMPS_FILE).read_bytes().splitlines()) == 5


def test_a_broken_line_is_made_anew_as_its_sentence_says(run: Run) -> None:
    path = run.out / FILE_NAME
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join((others[0], b"broken\n", *others[1:])))
    with pytest.raises(TbspotError, match=r"line 2, .* remove the line, and `tbspot locate` as"):
        run()
    path.write_bytes(b"".join(others))
    run()
    assert (run.asked, path.read_bytes()) == (1, _whole(run))
    assert first in path.read_bytes()


def test_a_failed_film_is_tried_again_and_its_line_comes_to_its_place(
    run: Run,
) -> None:
    good = (run.films / "2.png").read_bytes()
    (run.films / "2.png").write_bytes(good[:100])
    assert run() == Counts(ok=4, refused=0, failed=1)
    assert run() == Counts(ok=4, refused=0, failed=1)
    assert "note: films tried again, as they could not be located before: 1 (2.png)" in run.said
    # The file is as it was read: memory may have run short only then.
    (run.films / "2.png").write_bytes(good)
    assert run() == Counts(ok=5, refused=0, failed=0)
    assert run.asked == 1
    assert (run.out / FILE_NAME).read_bytes() == _whole(run)


def test_films_that_are_gone_are_said_and_leave_lines_table_and_pictures(run: Run) -> None:
    (run.films / "1.png").unlink()
    (run.films / "4.png").unlink()
    assert run() == Counts(ok=3, refused=0, failed=0)
    assert "films no longer there, so that the lines are dropped: 2 (1.png, 4.png)" in run.said
    with (run.out / "predictions.csv").open(newline="") as table:
        assert [row["image"] for row in csv.DictReader(table)] == ["2.png", "3.png", "5.png"]
    for folder in ("heatmaps", "overlays"):
        assert len(list((run.out / folder).iterdir())) == 3
    assert b"1.png" not in (run.out / STAMPS_FILE).read_bytes()
    assert (run.out / FILE_NAME).read_bytes() == _whole(run)


def test_films_of_a_folder_that_cannot_be_looked_into_now_keep_their_lines(run: Run) -> None:
    (run.films / "ward").mkdir()
    shutil.copy(run.films / "1.png", run.films / "ward" / "6.png")
    assert run().ok == 6
    closed = Item(run.films / "ward", "ward/", "ward cannot be looked into")
    items = [item for item in find_items([run.films], run.out) if item.name != "ward/6.png"]
    settings = LocateSettings((str(run.films),), "", "bright v1", "fake", "cam", gate=False)
    assert locate([*items, closed], bright_engine(), settings, run.out) == Counts(6, 0, 1)
    failed = [one for one in read_predictions(run.out) if one.status == "failed"]
    assert [(one.image, one.reason) for one in failed] == [("ward/", closed.fault)]
    assert run() == Counts(6, 0, 0)
    assert run.asked == 0
    assert run.said.count("note:") == 0


def test_doubled_lines_of_two_runs_at_once_become_one(run: Run) -> None:
    path = run.out / FILE_NAME
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([lines[1], *lines, lines[0], lines[4]]))
    assert run() == Counts(ok=5, refused=0, failed=0)
    assert run.asked == 0
    assert path.read_bytes() == whole


def test_lines_of_before_which_say_nothing_of_bytes_are_kept(run: Run) -> None:
    path = run.out / FILE_NAME
    lines = [
        one.model_dump_json(exclude={"bytes", "sha256"}) + "\n" for one in read_predictions(run.out)
    ]
    path.write_text("".join(lines))
    (run.out / STAMPS_FILE).unlink()
    assert run() == Counts(ok=5, refused=0, failed=0)
    assert run.asked == 0


def test_a_new_film_comes_to_its_place_among_the_others(run: Run) -> None:
    shutil.copy(run.films / "1.png", run.films / "0.png")
    run()
    assert run.asked == 1
    assert next(iter(run.scores())) == "0.png"
    assert (run.out / FILE_NAME).read_bytes() == _whole(run)


def test_no_table_is_older_than_the_lines_beside_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(run.films / "1.png", run.films / "6.png")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tbspot.locating.folder.Keeper.keep", killed)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert not (run.out / "predictions.csv").exists()


def test_a_folder_removed_meanwhile_is_told_at_the_next_film(run: Run) -> None:
    from tbspot.errors import TbspotError

    asked: list[int] = []

    def ask(batch: np.ndarray) -> Answer:
        asked.append(1)
        if len(asked) == 2:
            shutil.rmtree(run.out)
        return bright(batch)

    shutil.rmtree(run.out)
    settings = LocateSettings((str(run.films),), "", "bright v1", "fake", "cam", gate=False)
    engine = replace(bright_engine(), ask=ask)
    with pytest.raises(TbspotError, match="was removed, moved or emptied while this run"):
        locate(find_items([run.films], run.out), engine, settings, run.out)
    assert len(asked) < 5
    assert not run.out.exists()


def test_a_folder_removed_while_a_film_is_kept_does_not_come_back(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tbspot.errors import TbspotError
    from tbspot.locating.folder import Keeper

    keep = Keeper.keep

    def keep_late(keeper: Keeper, *of: Any) -> None:
        shutil.rmtree(run.out)
        keep(keeper, *of)

    shutil.rmtree(run.out)
    monkeypatch.setattr(Keeper, "keep", keep_late)
    with pytest.raises(TbspotError, match="was removed, moved or emptied while this run"):
        run()
    assert not run.out.exists()


def test_a_film_that_is_put_back_after_another_was_read_keeps_no_answer_of_the_other(
    run: Run, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = run.films / "1.png", Decoder.read
    own, other = path.read_bytes(), (drawn / "imgs" / "health" / "h0001.png").read_bytes()
    scores = run.scores()

    def read_other(decoder: Decoder, film: Path, name: str, **options: Any) -> Film:
        if film.name != path.name:
            return read(decoder, film, name, **options)
        path.write_bytes(other)
        try:
            return read(decoder, film, name, **options)
        finally:
            path.write_bytes(own)

    shutil.rmtree(run.out)
    with monkeypatch.context() as patched:
        patched.setattr(Decoder, "read", read_other)
        run()
    line = next(read_predictions(run.out))
    assert line.score != scores["1.png"]
    assert (line.bytes, line.sha256) == (len(other), hashlib.sha256(other).hexdigest())
    run()
    assert "read again: 1 (1.png)" in run.said
    assert run.scores() == scores


def test_stamps_that_are_nested_without_end_are_of_no_film(run: Run) -> None:
    (run.out / STAMPS_FILE).write_text("[" * 200_000 + "\n")
    assert run() == Counts(ok=5, refused=0, failed=0)
    assert run.asked == 0


@pytest.mark.parametrize("name", ["overlays", "heatmaps", "dicom", FILE_NAME, STAMPS_FILE])
def test_nothing_is_removed_or_written_through_a_link_in_the_run_s_folder(
    run: Run, tmp_path: Path, name: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mine = {"a.jpg": "holiday", "b.npy": "array", "c.dcm": "film", "d.txt": "no end of line"}
    for file, content in mine.items():
        (home / file).write_text(content)
    link = run.out / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(home if link.suffix == "" else home / "d.txt")
    with pytest.raises(TbspotError, match=rf"{name} is a link, a pipe or a device"):
        run()
    assert {path.name: path.read_text() for path in home.iterdir()} == mine


def test_a_model_in_the_folder_to_be_replaced_stays(run: Run) -> None:
    model = run.out / "model.onnx"
    model.touch()
    other = LocateSettings((str(run.films),), "", "another", "fake", "cam", gate=False)
    items = find_items([run.films], run.out)
    for reads, films in (([model], items), ([], [Item(run.out / "overlays" / "a.jpg", "a")])):
        (run.out / "overlays" / "a.jpg").touch()
        with pytest.raises(TbspotError, match="which this run reads"):
            locate(films, bright_engine(), other, run.out, overwrite=True, reads=reads)
    assert model.exists()


def test_a_line_of_another_model_is_answered_anew(run: Run) -> None:
    path, whole = run.out / FILE_NAME, (run.out / FILE_NAME).read_bytes()
    path.write_bytes(whole.replace(b'"version":"v1"', b'"version":"v0"', 1))
    run()
    assert run.asked == 1
    assert "note: films of which another model had spoken, and read again: 1 (1.png)" in run.said
    assert path.read_bytes() == whole
