from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from tbspot.choices import TeacherMap
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.images import Frame
from tbspot.nets.attribution import fine_layer_cam
from tbspot.nets.classifier import Classifier, Output
from tbspot.nets.weights import build_classifier, load_classifier, save_classifier
from tbspot.training.cache import CachedFilms
from tbspot.training.losses import normalised_map
from tbspot.training.settings import Strength, TrainingSettings
from tbspot.training.teachers import CleanTeachers, SameViewTeachers, in_frame, open_teachers
from tbspot.training.views import Views, draw_views

SMALL = Description(name="teacher", size=32, output_stride=8, temperature=2.0)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32), np.uint8)
FILMS = CachedFilms(PIXELS, "films")
INDEX = np.array([2, 0])
NONE = np.zeros(2, np.int8)  # is halved
WHOLE = Views(
    torch.from_numpy(PIXELS[INDEX]).unsqueeze(1) / 255,
    torch.eye(2, 3).expand(2, 2, 3),
)


def _save(path: Path, seed: int, description: Description = SMALL) -> Path:
    torch.manual_seed(seed)
    net = build_classifier(description)
    torch.nn.init.normal_(net.head.weight)
    save_classifier(path, net, description)
    return path


def _told(
    paths: Sequence[Path],
    view: Literal["same", "clean"],
    teacher_map: TeacherMap = "cam",
) -> TrainingSettings:
    return TrainingSettings(
        (), teachers=tuple(paths), teacher_view=view, teacher_map=teacher_map, map_weight=1.0
    )


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("teachers")
    return [_save(folder / f"{seed}.safetensors", seed) for seed in (0, 1)]


@pytest.fixture(scope="module")
def clean(
    paths: list[Path], fabric: Fabric, tmp_path_factory: pytest.TempPathFactory
) -> CleanTeachers:
    opened = open_teachers(
        _told(paths[:1], "clean"), FILMS, tmp_path_factory.mktemp("cache"), fabric
    )
    assert isinstance(opened, CleanTeachers)
    return opened


def test_without_teachers_nothing_is_taught(tmp_path: Path, fabric: Fabric) -> None:
    assert open_teachers(TrainingSettings(()), FILMS, tmp_path, fabric) is None


def test_teachers_are_frozen_and_in_eval_mode(
    paths: list[Path], tmp_path: Path, fabric: Fabric
) -> None:
    opened = open_teachers(_told(paths, "same"), FILMS, tmp_path, fabric)
    assert isinstance(opened, SameViewTeachers)
    assert len(opened.teachers) == 2
    for classifier, description, kind in opened.teachers:
        assert kind == "cam"
        assert description.name == "teacher"
        assert not classifier.training
        assert not any(parameter.requires_grad for parameter in classifier.parameters())


def test_teachers_of_the_same_view_are_averaged(
    paths: list[Path], tmp_path: Path, fabric: Fabric
) -> None:
    opened = open_teachers(_told(paths, "same"), FILMS, tmp_path, fabric)
    assert opened is not None
    taught = opened(INDEX, WHOLE, NONE)
    with torch.no_grad():
        outputs = [load_classifier(path)[0](WHOLE.films) for path in paths]
    # Each logit is divided by its model's temperature, 2.
    logit = (outputs[0].logit + outputs[1].logit) / 4
    maps = (normalised_map(outputs[0].map) + normalised_map(outputs[1].map)) / 2
    torch.testing.assert_close(taught.logit, logit, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(taught.map, maps, atol=1e-4, rtol=0)


def test_a_clean_teacher_s_map_has_its_finest_scale_s_places(clean: CleanTeachers) -> None:
    assert clean.logits.shape == (3,)
    # 1.25 x 32 pixels, 8 a place.
    assert clean.maps.shape == (3, 5, 5)
    assert clean.maps.min() >= 0
    assert clean.maps.max() <= 1


def test_a_clean_teacher_says_the_same_whatever_the_view(clean: CleanTeachers) -> None:
    whole = clean(INDEX, WHOLE, NONE)
    view = draw_views(WHOLE.films, [(0,), (1,)], Strength())
    assert torch.equal(whole.logit, clean.logits[[2, 0]])
    torch.testing.assert_close(whole.map, clean.maps[[2, 0]])
    assert torch.equal(clean(INDEX, view, NONE).logit, whole.logit)


def test_a_clean_teacher_s_map_is_mirrored_with_the_view(clean: CleanTeachers) -> None:
    geometry = torch.tensor([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).expand(2, 2, 3)
    mirrored = clean(INDEX, Views(WHOLE.films.flip(-1), geometry), NONE)
    torch.testing.assert_close(mirrored.map, clean.maps[[2, 0]].flip(-1))


def test_a_clean_teacher_s_map_is_halved_with_the_film(clean: CleanTeachers) -> None:
    taught = clean(INDEX, WHOLE, np.array([-1, 0], np.int8)).map
    whole = clean.maps[[2, 0]]
    torch.testing.assert_close(taught[1], whole[1])
    torch.testing.assert_close(taught[0, :, :3], whole[0, :, :3])
    torch.testing.assert_close(taught[0], taught[0].flip(-1))


def test_a_clean_teacher_sees_a_film_and_its_mirror_image_alike(
    clean: CleanTeachers, paths: list[Path], tmp_path: Path, fabric: Fabric
) -> None:
    turned = CachedFilms(np.ascontiguousarray(PIXELS[:, :, ::-1]), "turned")
    opened = open_teachers(_told(paths[:1], "clean"), turned, tmp_path, fabric)
    assert isinstance(opened, CleanTeachers)
    torch.testing.assert_close(opened.logits, clean.logits, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(opened.maps, clean.maps.flip(-1), atol=1e-4, rtol=0)


def test_a_clean_teacher_is_asked_once_about_the_same_films(
    paths: list[Path], tmp_path: Path, fabric: Fabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_teachers(_told(paths[:1], "clean"), FILMS, tmp_path, fabric)
    assert isinstance(first, CleanTeachers)

    def refuse(*_: object) -> None:
        raise AssertionError("the teacher is asked again")

    monkeypatch.setattr(Classifier, "forward", refuse)
    again = open_teachers(_told(paths[:1], "clean"), FILMS, tmp_path, fabric)
    assert isinstance(again, CleanTeachers)
    assert torch.equal(again.maps, first.maps)
    assert torch.equal(again.logits, first.logits)
    with pytest.raises(AssertionError, match="asked again"):
        open_teachers(_told(paths[1:], "clean"), FILMS, tmp_path, fabric)


def test_what_was_said_in_one_precision_is_not_taken_for_another(
    paths: list[Path], tmp_path: Path
) -> None:
    told = []
    for precision in ("bf16-mixed", "32-true"):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
        opened = open_teachers(_told(paths[:1], "clean"), FILMS, tmp_path, fabric)
        assert isinstance(opened, CleanTeachers)
        told.append(opened.logits)
    assert not torch.equal(told[0], told[1])


def test_teachers_of_the_same_view_answer_in_the_precision_of_the_training(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    forward = Classifier.forward

    def watch(net: Classifier, films: torch.Tensor) -> Output:
        seen.append(torch.is_autocast_enabled("cpu"))
        return forward(net, films)

    monkeypatch.setattr(Classifier, "forward", watch)
    for precision in ("bf16-mixed", "32-true"):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
        teachers = open_teachers(_told(paths[:1], "same"), FILMS, tmp_path, fabric)
        assert teachers is not None
        teachers(INDEX, WHOLE, NONE)
    assert seen == [True, False]


def test_a_fused_map_is_the_geometric_mean_of_the_closed_form_and_the_smoothed_stage_2(
    paths: list[Path], tmp_path: Path, fabric: Fabric
) -> None:
    opened = open_teachers(_told(paths[:1], "same", "fused"), FILMS, tmp_path, fabric)
    assert opened is not None
    taught = opened(INDEX, WHOLE, NONE)
    output, fine = fine_layer_cam(load_classifier(paths[0])[0], WHOLE.films)
    padded = np.pad(fine.numpy(), ((0, 0), (2, 2), (2, 2)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
    smoothed = torch.from_numpy(np.nanmean(windows, (3, 4)))
    expected = (normalised_map(output.map) * normalised_map(smoothed)).sqrt()
    torch.testing.assert_close(taught.map, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(taught.logit, output.logit / 2, atol=1e-5, rtol=1e-4)


def test_a_refined_map_is_that_of_the_teacher_with_a_refinement(
    paths: list[Path], tmp_path: Path, fabric: Fabric
) -> None:
    opened = open_teachers(_told(paths[:1], "same", "refined"), FILMS, tmp_path, fabric)
    assert opened is not None
    taught = opened(INDEX, WHOLE, NONE)
    plain = load_classifier(paths[0])[0](WHOLE.films)
    net, _ = load_classifier(paths[0], {"refinement": "affinity"})
    with torch.no_grad():
        expected = normalised_map(net(WHOLE.films).map)
    torch.testing.assert_close(taught.map, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(taught.logit, plain.logit / 2, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(taught.map, normalised_map(plain.map), atol=0.05)


def test_maps_of_one_kind_are_not_taken_for_another_that_was_kept(
    paths: list[Path], tmp_path: Path, fabric: Fabric
) -> None:
    kinds: tuple[TeacherMap, ...] = ("cam", "fused", "refined")
    cam, fused, refined = (
        open_teachers(_told(paths[:1], "clean", kind), FILMS, tmp_path, fabric) for kind in kinds
    )
    assert isinstance(cam, CleanTeachers)
    assert isinstance(fused, CleanTeachers)
    assert isinstance(refined, CleanTeachers)
    # At 1.25 x 32 pixels and 8 a place, and at 32 pixels.
    assert cam.maps.shape == fused.maps.shape == (3, 5, 5)
    assert refined.maps.shape == (3, 4, 4)
    assert not torch.equal(cam.maps, fused.maps)


def test_a_teacher_of_probabilities_cannot_give_refined_maps(
    tmp_path: Path, fabric: Fabric
) -> None:
    path = _save(
        tmp_path / "a.safetensors", 0, SMALL.model_copy(update={"evidence": "probability"})
    )
    with pytest.raises(TbspotError, match=r"cannot have refinement affinity: .*in logits"):
        open_teachers(_told([path], "same", "refined"), FILMS, tmp_path, fabric)


@pytest.mark.parametrize("other", [{"output_stride": 16}, {"size": 64}])
def test_teachers_of_two_kinds_are_one_clear_sentence(
    paths: list[Path], tmp_path: Path, fabric: Fabric, other: dict[str, int]
) -> None:
    path = _save(tmp_path / "other.safetensors", 2, SMALL.model_copy(update=other))
    with pytest.raises(TbspotError, match="different input sizes or output strides"):
        open_teachers(_told([paths[0], path], "same"), FILMS, tmp_path, fabric)


def test_an_absent_teacher_is_one_clear_sentence(tmp_path: Path, fabric: Fabric) -> None:
    with pytest.raises(TbspotError, match=r"absent\.safetensors does not exist"):
        open_teachers(_told([tmp_path / "absent.safetensors"], "same"), FILMS, tmp_path, fabric)


@pytest.mark.parametrize(("size", "through"), [(24, None), (48, None), (32, 16), (48, 16)])
def test_films_in_a_teacher_s_frame_are_those_that_locate_would_show_it(
    size: int, through: int | None
) -> None:
    film = PIXELS[0].astype(np.float32) / 255
    expected = Frame(32, 32, size, through).apply(film)
    ours = in_frame(torch.from_numpy(film)[None, None], size, through)[0, 0]
    assert ours.numpy() == pytest.approx(expected, abs=1e-3)


def test_a_student_that_teaches_gives_its_probabilities_by_their_maximum(
    tmp_path: Path, fabric: Fabric
) -> None:
    taught_maps = SMALL.model_copy(update={"evidence": "probability", "bias": -1.5})
    path = _save(tmp_path / "student.safetensors", 0, taught_maps)
    teachers = open_teachers(_told([path], "same"), FILMS, tmp_path, fabric)
    assert teachers is not None
    net, _ = load_classifier(path)
    with torch.no_grad():
        chances = torch.sigmoid(net(WHOLE.films).map - 1.5)
    expected = chances / chances.amax((1, 2), keepdim=True)
    torch.testing.assert_close(teachers(INDEX, WHOLE, NONE).map, expected)
