from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbspot.errors import TbspotError
from tbspot.images import Facts, Film
from tbspot.locating.folder import Keeper, file_stem, picture_stem
from tbspot.locating.resumption import STAMPS_FILE, Stamps
from tbspot.records.predictions import FILE_NAME, Prediction, read_heatmap, read_predictions

EVIDENCE = np.arange(6, dtype=np.float32).reshape(2, 3)


def _prediction(name: str) -> Prediction:
    return Prediction(image=name, status="ok", score=0.5, model="m", version="v")


@given(st.text(min_size=1))
def test_a_films_pictures_have_a_short_plain_name_without_a_path(name: str) -> None:
    stem = file_stem(name)
    assert stem.isascii()
    assert stem.replace("-", "").isalnum()
    assert len(stem) <= 60


@given(st.lists(st.text(), unique=True, min_size=2, max_size=20))
def test_no_two_films_share_their_pictures(names: list[str]) -> None:
    assert len({file_stem(name) for name in names}) == len(names)


def test_the_film_can_be_known_from_the_name_of_its_pictures() -> None:
    assert file_stem("tb/tb0001.png").startswith("tb0001-")
    assert file_stem("../../etc/passwd").startswith("passwd-")


def test_a_line_names_a_heat_map_that_is_there(tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        keeper.keep(_prediction("../ü/日本.png"), EVIDENCE)
    (kept,) = read_predictions(tmp_path)
    assert kept.image == "../ü/日本.png"
    assert np.array_equal(read_heatmap(tmp_path, kept), EVIDENCE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heatmaps", FILE_NAME]


def test_a_line_that_was_cut_off_is_dropped_and_the_others_stay(tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        keeper.keep(_prediction("a"))
        keeper.keep(_prediction("b"))
    whole = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(whole + whole[:40])
    with Keeper(tmp_path) as keeper:
        assert keeper.done == {"a", "b"}
        keeper.keep(_prediction("c"))
    assert [one.image for one in read_predictions(tmp_path)] == ["a", "b", "c"]


def test_a_whole_line_that_is_no_prediction_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{}\n")
    with pytest.raises(TbspotError, match="line 1, is not a prediction"):
        Keeper(tmp_path).__enter__()


def test_a_line_of_megabytes_is_refused_and_not_read_into_memory(tmp_path: Path) -> None:
    for name in (FILE_NAME, STAMPS_FILE):
        with (tmp_path / name).open("wb") as file:
            file.truncate(64 << 20)
            file.seek(0, os.SEEK_END)
            file.write(b" \n")
    tracemalloc.start()
    Stamps(tmp_path, follow_links=False)
    with pytest.raises(TbspotError, match="line 1, is not a prediction"), Keeper(tmp_path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_the_counts_are_of_the_whole_folder(tmp_path: Path) -> None:
    with Keeper(tmp_path) as keeper:
        keeper.keep(_prediction("a"))
    with Keeper(tmp_path) as keeper:
        keeper.keep(Prediction(image="b", status="failed", reason="r", model="m", version="v"))
        assert (keeper.counts["ok"], keeper.counts["failed"]) == (1, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are POSIX's")
def test_a_full_disk_is_one_clear_sentence_and_the_lines_before_stay(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from tbspot.__main__ import TbspotError
from tbspot.locating.folder import Keeper
from tbspot.records.predictions import Prediction
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with Keeper(Path(sys.argv[1])) as keeper:
    try:
        for number in range(100):
            keeper.keep(Prediction(image=str(number), status="ok", model="m", version="v"))
    except TbspotError as error:
        sys.exit(f"{number}: {error}")
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    number, _, sentence = result.stderr.partition(": ")
    assert "free space or choose another folder" in sentence
    with Keeper(tmp_path) as keeper:
        assert keeper.done == {str(one) for one in range(int(number))}


def test_films_of_the_same_bytes_in_lines_of_another_length_share_no_picture() -> None:
    pixels = np.linspace(0, 1, 12, dtype=np.float32)
    films = [Film(pixels.reshape(shape), Facts("DICOM")) for shape in ((3, 4), (4, 3), (2, 6))]
    stems = [picture_stem("a", film, "auto") for film in films]
    assert len(set(stems)) == 3
    assert picture_stem("b", films[0], "hash") == stems[0]
