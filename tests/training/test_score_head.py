from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tbspot.description import Description
from tbspot.engine.engine import engine_of, open_engine
from tbspot.errors import TbspotError
from tbspot.export.onnx_file import export
from tbspot.nets.weights import build_classifier, load_classifier, save_classifier
from tbspot.samples.loading import in_split, load
from tbspot.training import score_head
from tbspot.training.cache import cache_films
from tbspot.training.devices import launch_fabric
from tbspot.training.score_head import HANDLED, Pooled, ScoreHeadSettings, fit_head, refit
from tbspot.training.views import draw_views

RNG = np.random.default_rng(0)
# For a few films and the many features of a net of random weights.
STEADY = {"looks": 6, "ridge": 1.0}


def _settings(**changes: object) -> ScoreHeadSettings:
    return ScoreHeadSettings(**{"model": Path(), "data": (), **changes})  # type: ignore[arg-type]


def _features(films: int = 400) -> tuple[np.ndarray, Pooled]:
    """Films whose second and third feature say the same, of which handling moves the third."""
    said = RNG.standard_normal((films, 2))
    clean = np.column_stack([said[:, 0], said[:, 1], said[:, 1]])
    changed = np.repeat(clean[:, None], 2, 1)
    changed[..., 2] += 3 + RNG.standard_normal((films, 2))
    weights = np.array([1.0, 0.0, 2.0])
    return weights, Pooled(clean, changed, (changed - clean[:, None]) @ weights)


def test_what_handling_moves_is_given_up_and_what_it_said_is_read_elsewhere() -> None:
    weights, pooled = _features()
    fitted = fit_head(weights, pooled, _settings(steadiness=10, ridge=1e-4))
    moved = (pooled.changed - pooled.clean[:, None]) @ fitted
    assert np.abs(moved).mean() < 0.05 * np.abs(pooled.moved).mean()
    assert np.abs(pooled.clean @ fitted - pooled.clean @ weights).max() < 0.1


@pytest.mark.parametrize("changes", [{"steadiness": 0}, {"ridge": 1e9}])
def test_a_head_stays_where_nothing_is_asked_or_nothing_may_change(
    changes: dict[str, float],
) -> None:
    weights, pooled = _features()
    fitted = fit_head(weights, pooled, _settings(**changes))
    assert fitted == pytest.approx(weights, abs=1e-6)


def test_films_that_handling_does_not_change_leave_the_head_as_it_is() -> None:
    weights, pooled = _features()
    same = np.repeat(pooled.clean[:, None], 2, 1)
    unmoved = Pooled(pooled.clean, same, np.zeros(same.shape[:2]))
    assert fit_head(weights, unmoved, _settings()) == pytest.approx(weights)


def test_fewer_films_than_features_and_no_ridge_still_give_a_head() -> None:
    weights, pooled = _features(2)
    assert np.isfinite(fit_head(weights, pooled, _settings(ridge=0))).all()


@pytest.fixture(scope="module")
def refitted(averaging: Path, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = _settings(model=averaging, data=(str(drawn),), **STEADY)
    return refit(settings, tmp_path_factory.mktemp("refitted") / "run", launch_fabric("32-true", 1))


FILMS = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))


def test_the_map_stays_to_the_bit_and_the_score_is_another(averaging: Path, refitted: Path) -> None:
    (before, described), (after, description) = (
        load_classifier(averaging),
        load_classifier(refitted),
    )
    with torch.inference_mode():
        one, other = before(FILMS), after(FILMS)
    assert torch.equal(one.map, other.map)
    assert not torch.equal(one.logit, other.logit)
    assert description.version not in ("", described.version)
    # A temperature was of the head before.
    assert (description.score_head, description.temperature) == ("own", 1)


def _moved_by_handling(model: Path, drawn: Path) -> float:
    pixels = torch.from_numpy(
        np.stack([np.asarray(Image.open(path)) for path in sorted(drawn.rglob("*.png"))])
    )
    films = torch.nn.functional.interpolate(pixels.unsqueeze(1).float() / 255, size=(64, 64))
    views = draw_views(films, [(99, number) for number in range(len(films))], HANDLED).films
    with torch.inference_mode():
        net = load_classifier(model)[0]
        return (net(views).logit - net(films).logit).square().mean().item()


def test_handling_changes_the_score_less(averaging: Path, refitted: Path, drawn: Path) -> None:
    moved = [_moved_by_handling(path, drawn) for path in (averaging, refitted)]
    assert moved[1] < 0.5 * moved[0]


def test_a_finished_run_is_left_as_it_is_and_another_is_not_replaced_unasked(
    averaging: Path, refitted: Path, drawn: Path
) -> None:
    written = refitted.stat().st_mtime_ns
    fabric = launch_fabric("32-true", 1)
    same = _settings(model=averaging, data=(str(drawn),), **STEADY)
    assert refit(same, refitted.parent, fabric) == refitted
    assert refitted.stat().st_mtime_ns == written
    with pytest.raises(TbspotError, match="holds another run"):
        refit(replace(same, seed=1), refitted.parent, fabric)


def test_a_film_that_cannot_be_read_costs_no_earlier_run(
    averaging: Path, refitted: Path, drawn: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(refitted.parent, run)
    films = tmp_path / "films"
    shutil.copytree(drawn, films)
    for film in (films / "imgs").rglob("*.png"):
        film.write_bytes(film.read_bytes()[:99])
    settings = _settings(model=averaging, data=(str(films),))
    with pytest.raises(TbspotError, match="cannot be read as a PNG image"):
        refit(settings, run, launch_fabric("32-true", 1), overwrite=True)
    assert (run / refitted.name).read_bytes() == refitted.read_bytes()


def test_a_name_that_no_model_may_have_is_refused(
    averaging: Path, drawn: Path, tmp_path: Path
) -> None:
    settings = _settings(model=averaging, data=(str(drawn),), name="x" * 201)
    with pytest.raises(TbspotError, match="a model cannot have name x"):
        refit(settings, tmp_path / "run", launch_fabric("32-true", 1))


def test_a_head_of_its_own_is_refitted_from_what_it_says(
    refitted: Path, drawn: Path, tmp_path: Path
) -> None:
    settings = _settings(model=refitted, data=(str(drawn),), steadiness=0.0, name="again")
    again, description = load_classifier(refit(settings, tmp_path, launch_fabric("32-true", 1)))
    before, _ = load_classifier(refitted)
    assert description.name == "again"
    with torch.inference_mode():
        assert again(FILMS).logit == pytest.approx(before(FILMS).logit, abs=1e-5)


def test_a_model_whose_score_is_no_mean_is_refused_and_nothing_is_written(
    checkpoint: Path, drawn: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(TbspotError, match=r"mean pooling .* `map_target=\"overlap\"`"):
        refit(_settings(model=checkpoint, data=(str(drawn),)), folder, launch_fabric("32-true", 1))
    assert not (folder / "run.json").exists()


def test_a_split_without_films_is_told(averaging: Path, drawn: Path, tmp_path: Path) -> None:
    settings = _settings(model=averaging, data=(str(drawn),), split="other")
    with pytest.raises(TbspotError, match="split 'other'"):
        refit(settings, tmp_path / "run", launch_fabric("32-true", 1))


@pytest.fixture(scope="module")
def sharp(averaging: Path, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = _settings(model=averaging, data=(str(drawn),), sharpness=0.5, **STEADY)
    return refit(settings, tmp_path_factory.mktemp("sharp") / "run", launch_fabric("32-true", 1))


def test_a_sharp_score_is_the_log_sum_exp_of_its_places(sharp: Path, averaging: Path) -> None:
    net, description = load_classifier(sharp)
    assert (description.score_head, description.score_sharpness) == ("own", 0.5)
    assert net.score is not None
    with torch.inference_mode():
        places = net.score(net.body(FILMS)).flatten(1)
        expected = (torch.logsumexp(0.5 * places, 1) - np.log(places.shape[1])) / 0.5 + net.bias
        assert torch.allclose(net(FILMS).logit, expected, atol=1e-5)
        assert torch.equal(net(FILMS).map, load_classifier(averaging)[0](FILMS).map)


def test_as_many_films_are_above_0_as_before_however_sharp(
    averaging: Path, drawn: Path, tmp_path: Path
) -> None:
    taught = in_split(load((str(drawn),), None).samples, "train")
    net, description = load_classifier(averaging)
    pixels = cache_films(taught, description.size, description.through, tmp_path).pixels
    films = torch.from_numpy(pixels.copy()).unsqueeze(1).float() / 255
    with torch.inference_mode():
        net.bias.data -= net(films).logit.quantile(0.5)  # between two films
        above = int((net(films).logit > 0).sum())
        assert 0 < above < len(films)
        save_classifier(tmp_path / "even.safetensors", net, description)
        settings = _settings(
            model=tmp_path / "even.safetensors", data=(str(drawn),), sharpness=50.0, looks=1
        )
        after = load_classifier(refit(settings, tmp_path / "run", launch_fabric("32-true", 1)))[0]
        assert int((after(films).logit > 0).sum()) == above


def test_a_sharp_score_is_changed_less_by_handling_than_one_that_is_not_refitted(
    averaging: Path, sharp: Path, drawn: Path, tmp_path: Path
) -> None:
    left = _settings(model=averaging, data=(str(drawn),), sharpness=0.5, steadiness=0.0, looks=1)
    begun = refit(left, tmp_path / "run", launch_fabric("32-true", 1))
    moved = [_moved_by_handling(path, drawn) for path in (begun, sharp)]
    assert moved[1] < 0.8 * moved[0]


def test_a_score_may_begin_with_the_map_s_head_again(
    averaging: Path, refitted: Path, drawn: Path, tmp_path: Path
) -> None:
    settings = _settings(model=refitted, data=(str(drawn),), steadiness=0.0, from_map=True, looks=1)
    again, _ = load_classifier(refit(settings, tmp_path, launch_fabric("32-true", 1)))
    before, _ = load_classifier(averaging)
    with torch.inference_mode():
        assert again(FILMS).logit == pytest.approx(before(FILMS).logit, abs=1e-5)


def test_a_sharp_score_stays_sharp_and_the_recipe_says_how_it_was_made(
    sharp: Path, drawn: Path, tmp_path: Path
) -> None:
    before, described = load_classifier(sharp)
    asked = "steadiness 0, ridge 0.5, looks 1, seed 0"
    settings = _settings(model=sharp, data=(str(drawn),), steadiness=0.0, looks=1)
    again, description = load_classifier(refit(settings, tmp_path, launch_fabric("32-true", 1)))
    assert description.score_sharpness == 0.5
    last = f"refit of {described.version}: sharpness 0.5, {asked}"
    assert description.recipe == f"{described.recipe}; {last}"
    with torch.inference_mode():
        assert again(FILMS).logit == pytest.approx(before(FILMS).logit, abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "sharpness"), [({"from_map": True}, 0.0), ({"sharpness": 0.0}, 0.0), ({}, 0.5)]
)
def test_a_score_is_sharp_as_before_unless_told(changes: dict[str, Any], sharpness: float) -> None:
    described = Description(name="sharp", size=32, score_head="own", score_sharpness=0.5)
    assert score_head._sharpness(described, _settings(**changes)) == sharpness


def test_training_goes_on_from_the_map(refitted: Path, averaging: Path) -> None:
    _, description = load_classifier(averaging)
    begun = build_classifier(description, str(refitted))
    with torch.inference_mode():
        assert torch.equal(begun.eval()(FILMS).logit, load_classifier(averaging)[0](FILMS).logit)


@pytest.mark.slow
def test_an_exported_file_has_both_heads_in_every_precision(refitted: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    films = FILMS.squeeze(1).numpy()
    export(refitted, path, list(films))
    exported, _ = load_classifier(path)
    logits, maps = engine_of(exported, load_classifier(path)[1])(films)
    for precision in ("float32", "int8"):
        engine = open_engine(path, precision)
        assert engine.description.score_head == "own"
        tolerance = 1e-4 if precision == "float32" else 0.1
        assert engine(films)[0] == pytest.approx(logits, abs=tolerance)
    assert open_engine(path, "float32")(films)[1] == pytest.approx(maps, abs=1e-3)


def test_a_model_that_has_diverged_is_told(averaging: Path, drawn: Path, tmp_path: Path) -> None:
    net, description = load_classifier(averaging)
    net.body.conv1.weight.data.fill_(3e38)  # numbers, whose sums are none
    save_classifier(tmp_path / "model.safetensors", net, description)
    settings = _settings(model=tmp_path / "model.safetensors", data=(str(drawn),), looks=1)
    with pytest.raises(TbspotError, match="not numbers"):
        refit(settings, tmp_path / "run", launch_fabric("32-true", 1))
