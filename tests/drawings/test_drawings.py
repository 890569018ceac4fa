from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from tbspot.drawings import CLASSES, DrawnFilm, Shortcut, draw_dataset, draw_film
from tbspot.drawings.anatomy import plan_chest
from tbspot.drawings.dataset import SHORTCUTS_FILE
from tbspot.drawings.lesions import plan_lesions
from tbspot.errors import TbspotError
from tbspot.images import read_pixels
from tbspot.samples.loading import load
from tbspot.samples.sample import Sample


def _films_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "imgs").rglob("*.png")}


def _planted_share(folder: Path, split: str, film_class: str) -> float:
    listed = (folder / "lists" / f"TBX11K_{split}.txt").read_text("utf-8").split()
    with (folder / SHORTCUTS_FILE).open(encoding="utf-8", newline="") as file:
        planted = {row["name"]: int(row["planted"]) for row in csv.DictReader(file)}
    return float(np.mean([planted[name] for name in listed if name.startswith(f"{film_class}/")]))


@pytest.fixture(scope="module")
def planned() -> list[tuple[float, list[NDArray[np.float64]]]]:
    """The midline and the boxes, as shares of the film's side, of many planned TB films."""
    films = []
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        chest = plan_chest(rng)
        lesions = plan_lesions(rng, chest)
        films.append((chest.middle, [np.array([a.x0, a.y0, a.x1, a.y1]) for a in lesions]))
    return films


def _covered(boxes: list[NDArray[np.float64]], side: int = 100) -> float:
    mask = np.zeros((side, side), bool)
    for x0, y0, x1, y1 in np.round(np.array(boxes) * side).astype(int):
        mask[y0:y1, x0:x1] = True
    return float(mask.mean())


def test_a_drawn_data_set_has_the_folders_and_files_of_tbx11k(drawn: Path) -> None:
    assert {path.name for path in (drawn / "imgs").iterdir()} == {"health", "sick", "tb"}
    assert sorted(path.name for path in (drawn / "lists").iterdir()) == [
        "TBX11K_train.txt",
        "TBX11K_trainval.txt",
        "TBX11K_val.txt",
    ]
    assert sorted(path.name for path in (drawn / "annotations" / "json").iterdir()) == [
        "TBX11K_train.json",
        "TBX11K_trainval.json",
        "TBX11K_val.json",
    ]


def test_every_film_is_in_train_or_in_val_and_all_are_in_trainval(drawn: Path) -> None:
    lists = {
        split: (drawn / "lists" / f"TBX11K_{split}.txt").read_text("utf-8").split()
        for split in ("train", "val", "trainval")
    }
    films = {path.relative_to(drawn / "imgs").as_posix() for path in drawn.rglob("*.png")}
    assert len(lists["train"]) == 36
    assert len(lists["val"]) == 12
    assert sorted(lists["train"] + lists["val"]) == lists["trainval"] == sorted(films)


def test_the_annotations_are_coco_with_the_categories_of_tbx11k(drawn: Path) -> None:
    coco = json.loads((drawn / "annotations" / "json" / "TBX11K_trainval.json").read_text("utf-8"))
    assert {one["id"]: one["name"] for one in coco["categories"]} == {
        1: "ActiveTuberculosis",
        2: "ObsoletePulmonaryTuberculosis",
        3: "PulmonaryTuberculosis",
    }
    names = {one["id"]: one["file_name"] for one in coco["images"]}
    boxed = {names[one["image_id"]] for one in coco["annotations"]}
    assert boxed == {name for name in names.values() if name.startswith("tb/")}
    for one in coco["annotations"]:
        assert one["area"] == pytest.approx(one["bbox"][2] * one["bbox"][3], rel=1e-3)


def test_the_reader_of_tbx11k_finds_films_labels_splits_and_boxes(drawn: Path) -> None:
    samples = load([str(drawn)]).samples
    assert len(samples) == 48
    assert sum(sample.label for sample in samples) == 16
    assert {sample.split for sample in samples} == {"train", "val"}
    assert all(bool(sample.boxes) == bool(sample.label) for sample in samples)
    assert _kinds(samples) >= {"active", "latent"}


def _kinds(samples: tuple[Sample, ...]) -> set[str]:
    return {box.kind for sample in samples for box in sample.boxes or ()}


def test_the_same_seed_draws_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        draw_dataset(tmp_path / name, count=12, size=64, seed=seed)
    one, same, other = (_films_of(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same
    assert all(one[name] != other[name] for name in one)
    annotations = Path("annotations") / "json" / "TBX11K_train.json"
    assert (tmp_path / "one" / annotations).read_bytes() == (
        tmp_path / "same" / annotations
    ).read_bytes()


def test_a_greater_count_only_adds_films(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "few", count=12, size=64)
    draw_dataset(tmp_path / "more", count=18, size=64)
    few, more = _films_of(tmp_path / "few"), _films_of(tmp_path / "more")
    assert few.items() < more.items()


def test_no_two_films_of_a_data_set_are_equal(drawn: Path) -> None:
    assert len(set(_films_of(drawn).values())) == 48


@pytest.mark.parametrize("film_class", CLASSES)
def test_a_film_has_the_same_outline_and_boxes_at_every_size(film_class: str) -> None:
    small, large = (draw_film(film_class, size, (5, 1)) for size in (96, 192))
    halved = large.pixels.reshape(96, 2, 96, 2).mean((1, 3))
    assert np.corrcoef(small.pixels.ravel(), halved.ravel())[0, 1] > 0.97
    for one, other in zip(small.boxes, large.boxes, strict=True):
        assert (2 * one.x0, 2 * one.y1, one.kind) == (other.x0, other.y1, other.kind)


def test_boxes_cover_as_much_of_a_film_as_in_tbx11k(planned: list) -> None:
    shares = np.percentile([_covered(boxes) for _, boxes in planned], [10, 50, 90])
    assert shares == pytest.approx([0.024, 0.074, 0.189], rel=0.15)


def test_half_of_the_tb_films_have_several_boxes_and_half_are_one_sided(planned: list) -> None:
    several = np.mean([len(boxes) > 1 for _, boxes in planned])
    one_sided = np.mean(
        [len({box[0] + box[2] > 2 * middle for box in boxes}) == 1 for middle, boxes in planned]
    )
    assert several == pytest.approx(0.5, abs=0.05)
    assert one_sided == pytest.approx(329 / 600, abs=0.05)


def test_most_lesions_are_high_and_all_boxes_lie_inside_the_film(planned: list) -> None:
    boxes = np.array([box for _, found in planned for box in found])
    heights = (boxes[:, 1] + boxes[:, 3]) / 2
    assert np.median(heights) == pytest.approx(0.287, abs=0.03)
    assert np.mean(heights < 0.5) > 0.9
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_most_of_a_box_lies_over_a_lung() -> None:
    shares = []
    for seed in range(30):
        film = draw_film("tb", 64, (seed,))
        for box in film.boxes:
            inside = film.lungs[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)]
            shares.append(inside.mean())
    assert np.mean(shares) > 0.75
    assert min(shares) > 0.3


@pytest.fixture(scope="module")
def many() -> dict[str, list[DrawnFilm]]:
    """Films of 64 pixels: 60 of each class."""
    return {name: [draw_film(name, 64, (11, seed)) for seed in range(60)] for name in CLASSES}


def test_global_brightness_and_contrast_do_not_tell_tb(
    many: dict[str, list[DrawnFilm]],
) -> None:
    labels = [name == "tb" for name in CLASSES for _ in many[name]]
    films = [film.pixels for name in CLASSES for film in many[name]]
    for figure in (np.mean, np.median, np.std):
        assert 0.35 < roc_auc_score(labels, [figure(film) for film in films]) < 0.65


def test_a_lesion_is_lighter_than_the_same_place_on_the_other_side(
    many: dict[str, list[DrawnFilm]],
) -> None:
    lighter = []
    for film in many["tb"]:
        if len(film.boxes) == 1:
            box = film.boxes[0]
            mask = np.zeros((64, 64), bool)
            mask[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)] = True
            here, there = mask & film.lungs, mask[:, ::-1] & film.lungs
            lighter.append(film.pixels[here].mean() > film.pixels[there].mean())
    assert len(lighter) > 20
    assert np.mean(lighter) > 0.9


def test_only_tb_films_have_boxes(many: dict[str, list[DrawnFilm]]) -> None:
    assert all(film.boxes for film in many["tb"])
    assert not any(film.boxes for name in ("health", "sick") for film in many[name])


def test_the_lungs_are_darker_than_the_body_and_the_air_is_black(
    many: dict[str, list[DrawnFilm]],
) -> None:
    for film in many["health"]:
        middle = film.pixels[:, 28:36]
        assert film.pixels[film.lungs].mean() < 0.7 * middle.mean()
        assert 0.1 < film.lungs.mean() < 0.45
        assert film.pixels[:4, [0, -1]].max() < 60


def test_a_marker_changes_nothing_outside_its_box() -> None:
    plain = draw_film("tb", 128, (2, 5))
    marked = draw_film("tb", 128, (2, 5), marker=True)
    assert plain.marker is None
    assert marked.marker is not None
    x0, y0, x1, y1 = (int(edge) for edge in marked.marker)
    assert marked.pixels[y0:y1, x0:x1].max() == 255
    changed = marked.pixels != plain.pixels
    changed[y0:y1, x0:x1] = False
    assert not changed.any()
    assert marked.boxes == plain.boxes


def test_a_lighter_exposure_is_lighter_on_every_film_and_changes_no_box() -> None:
    for seed in range(10):
        light, dark = (draw_film("tb", 64, (seed,), lighter=lighter) for lighter in (True, False))
        assert light.pixels.mean() > dark.pixels.mean() + 5
        assert light.boxes == dark.boxes


def test_portable_films_have_flatter_lungs_than_plain_ones() -> None:
    def contrast(style: str) -> float:
        films = [draw_film("health", 64, (seed,), style=style) for seed in range(10)]
        return float(np.mean([film.pixels[32].std() for film in films]))

    assert contrast("portable") < 0.8 * contrast("plain")


@pytest.mark.parametrize(("in_val", "tb", "health"), [("reversed", 0.0, 1.0), ("absent", 0.5, 0.5)])
def test_a_full_shortcut_is_on_tb_alone_in_train_and_not_so_in_val(
    tmp_path: Path, in_val: str, tb: float, health: float
) -> None:
    draw_dataset(tmp_path, count=240, size=64, shortcut=Shortcut("marker", 1.0, in_val))
    assert _planted_share(tmp_path, "train", "tb") == 1
    assert _planted_share(tmp_path, "train", "sick") == 0
    assert _planted_share(tmp_path, "val", "tb") == pytest.approx(tb, abs=0.25)
    assert _planted_share(tmp_path, "val", "health") == pytest.approx(health, abs=0.25)


def test_a_partial_shortcut_is_on_its_share_of_the_films(tmp_path: Path) -> None:
    draw_dataset(tmp_path, count=180, size=64, shortcut=Shortcut("exposure", 0.6))
    assert _planted_share(tmp_path, "train", "tb") == pytest.approx(0.8, abs=0.12)
    assert _planted_share(tmp_path, "train", "health") == pytest.approx(0.2, abs=0.12)


@pytest.mark.parametrize("kind", ["marker", "exposure", "source"])
def test_a_shortcut_changes_the_films_it_is_planted_on_and_no_box(
    tmp_path: Path, kind: str
) -> None:
    draw_dataset(tmp_path / "without", count=12, size=64)
    draw_dataset(tmp_path / "with", count=12, size=64, shortcut=Shortcut(kind, 1.0))
    without, planted = _films_of(tmp_path / "without"), _films_of(tmp_path / "with")
    assert all(without[name] != planted[name] for name in ("tb0001.png", "tb0003.png"))
    if kind != "exposure":
        assert without["h0001.png"] == planted["h0001.png"]
    annotations = Path("annotations") / "json" / "TBX11K_trainval.json"
    assert (tmp_path / "without" / annotations).read_bytes() == (
        tmp_path / "with" / annotations
    ).read_bytes()


def test_the_shortcuts_file_says_where_each_marker_is(tmp_path: Path) -> None:
    draw_dataset(tmp_path, count=12, size=64, shortcut=Shortcut("marker", 1.0))
    with (tmp_path / SHORTCUTS_FILE).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["planted"] == "1"]
    assert rows
    for row in rows:
        film = read_pixels(tmp_path / "imgs" / row["name"])
        x0, y0, x1, y1 = (int(float(row[edge])) for edge in ("x0", "y0", "x1", "y1"))
        assert film[y0:y1, x0:x1].max() == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"count": 5}, "a data set of 5 films has too few of each class"),
        ({"count": 12, "size": 32}, "a film of 32 pixels shows no lesion"),
        ({"count": 12, "seed": -1}, "`seed` must be greater than or equal to 0, not -1"),
    ],
)
def test_an_argument_out_of_range_is_one_clear_sentence_and_writes_nothing(
    tmp_path: Path, arguments: dict, sentence: str
) -> None:
    with pytest.raises(TbspotError, match=sentence):
        draw_dataset(tmp_path / "films", **arguments)
    assert not (tmp_path / "films").exists()


def test_a_shortcut_cannot_be_stronger_than_always() -> None:
    with pytest.raises(TbspotError, match=r"`strength` must be less than or equal to 1, not 1\.5"):
        Shortcut("marker", 1.5)


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    for overwrite in (False, True):
        with pytest.raises(TbspotError, match=r"`overwrite=True`"):
            draw_dataset(tmp_path, count=12, size=64, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_another_data_set_is_replaced_only_when_asked(tmp_path: Path) -> None:
    draw_dataset(tmp_path, count=15, size=64, seed=1)
    with pytest.raises(TbspotError, match="holds another run"):
        draw_dataset(tmp_path, count=12, size=64, seed=2)
    assert len(_films_of(tmp_path)) == 15
    draw_dataset(tmp_path, count=12, size=64, seed=2, overwrite=True)
    assert len(_films_of(tmp_path)) == 12


def test_the_same_command_again_finds_its_folder_and_draws_the_same(tmp_path: Path) -> None:
    draw_dataset(tmp_path, count=12, size=64)
    before = _films_of(tmp_path)
    draw_dataset(tmp_path, count=12, size=64)
    assert _films_of(tmp_path) == before
