from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tbspot.audit.pairs import TABLE_FILE, draw_pairs
from tbspot.errors import TbspotError
from tbspot.images import read_pixels
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample


@pytest.fixture(scope="module")
def pairs(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of six films of the drawn data set."""
    folder = tmp_path_factory.mktemp("pairs")
    assert draw_pairs(folder, [str(drawn)], count=6) == 6
    return folder


def _films(folder: Path) -> list[tuple[Sample, Sample]]:
    """Each film without lesions and with them."""
    samples = sorted(load([str(folder / TABLE_FILE)]).samples, key=lambda one: one.name)
    return list(zip(samples[1::2], samples[::2], strict=True))


def test_each_film_is_there_with_lesions_and_without_and_nothing_else_tells_them_apart(
    pairs: Path,
) -> None:
    films = _films(pairs)
    assert len(films) == 6
    for without, having in films:
        assert (without.label, having.label) == (0, 1)
        assert (without.source, without.patient) == (having.source, having.patient)
        assert without.split == having.split == "pairs"
        assert without.boxes == ()
        assert having.boxes
        change = np.abs(read_pixels(having.path) - read_pixels(without.path))
        inside = np.zeros_like(change, bool)
        for box in having.boxes:
            inside[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
        assert change[inside].sum() > 0.9 * change.sum() > 0


def test_films_with_tb_are_left_out(pairs: Path, drawn: Path) -> None:
    healthy = {one.patient for one in load([str(drawn)]).samples if not one.label}
    assert {one.patient for one, _ in _films(pairs)} <= healthy


def test_a_film_without_lesions_is_as_it_was(pairs: Path, drawn: Path) -> None:
    paths = {one.patient: one.path for one in load([str(drawn)]).samples}
    for without, _ in _films(pairs):
        np.testing.assert_array_equal(
            read_pixels(without.path), read_pixels(paths[without.patient])
        )


def test_the_same_call_draws_the_same_films(pairs: Path, drawn: Path, tmp_path: Path) -> None:
    draw_pairs(tmp_path, [str(drawn)], count=6)
    for path in sorted((pairs / "films").iterdir()):
        assert (tmp_path / "films" / path.name).read_bytes() == path.read_bytes()


def test_fewer_films_than_were_asked_for_are_all_taken(drawn: Path, tmp_path: Path) -> None:
    healthy = [one for one in load([str(drawn)]).samples if one.split == "val" and not one.label]
    assert draw_pairs(tmp_path, [str(drawn)], split="val", count=10_000) == len(healthy)


def test_a_large_film_is_reduced_and_its_boxes_with_it(tmp_path: Path, drawn: Path) -> None:
    film = next(one for one in load([str(drawn)]).samples if not one.label)
    with Image.open(film.path) as picture:
        picture.resize((1500, 3000)).save(tmp_path / "large.png")
    (tmp_path / "one.csv").write_text("path,label,split\nlarge.png,0,train\n", "utf-8")
    draw_pairs(tmp_path / "pairs", [str(tmp_path / "one.csv")])
    ((_, having),) = _films(tmp_path / "pairs")
    assert read_pixels(having.path).shape == (1024, 512)
    assert all(box.x1 <= 512 and box.y1 <= 1024 for box in having.boxes or ())


def test_films_with_tb_alone_are_refused(drawn: Path, tmp_path: Path) -> None:
    film = next(one for one in load([str(drawn)]).samples if one.label)
    (tmp_path / "tb.csv").write_text(f"path,label,split\n{film.path.name},1,train\n", "utf-8")
    source = f"{tmp_path / 'tb.csv'}?root={film.path.parent}"
    with pytest.raises(TbspotError, match="not TB"):
        draw_pairs(tmp_path / "pairs", [source])
    assert not (tmp_path / "pairs").exists()


def test_a_film_that_cannot_be_read_costs_no_earlier_data_set(drawn: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    draw_pairs(folder, [str(drawn)], count=1)
    before = sorted(folder.rglob("*.png"))
    (tmp_path / "broken.png").write_bytes(b"no film")
    (tmp_path / "broken.csv").write_text("path,label,split\nbroken.png,0,train\n", "utf-8")
    with pytest.raises(TbspotError, match="broken"):
        draw_pairs(folder, [str(tmp_path / "broken.csv")], overwrite=True)
    assert sorted(folder.rglob("*.png")) == before


def test_blank_films_are_refused(tmp_path: Path) -> None:
    Image.new("L", (128, 128), 90).save(tmp_path / "blank.png")
    (tmp_path / "blank.csv").write_text("path,label,split\nblank.png,0,train\n", "utf-8")
    with pytest.raises(TbspotError, match="blank"):
        draw_pairs(tmp_path / "pairs", [str(tmp_path / "blank.csv")])


@pytest.mark.parametrize("size", [(1, 1), (128, 128)])
def test_films_that_nothing_can_be_drawn_into_cost_no_earlier_data_set(
    drawn: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    folder = tmp_path / "pairs"
    draw_pairs(folder, [str(drawn)], count=1)
    before = sorted(folder.rglob("*"))
    Image.new("L", size, 90).save(tmp_path / "blank.png")
    (tmp_path / "blank.csv").write_text("path,label,split\nblank.png,0,train\n", "utf-8")
    with pytest.raises(TbspotError, match="too small"):
        draw_pairs(folder, [str(tmp_path / "blank.csv")], overwrite=True)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (5, -1)])
def test_counts_and_seeds_out_of_range_are_refused(
    drawn: Path, tmp_path: Path, count: int, seed: int
) -> None:
    with pytest.raises(TbspotError, match="must be greater than or equal to"):
        draw_pairs(tmp_path / "pairs", [str(drawn)], count=count, seed=seed)
    assert not (tmp_path / "pairs").exists()
