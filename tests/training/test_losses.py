from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tbspot.training.losses import (
    label_loss,
    map_loss,
    normalised_map,
    overlap_loss,
    score_distillation,
)

STUDENT = torch.tensor([-3.0, 0.0, 0.5, 2.0])
TEACHER = torch.tensor([1.0, 0.0, -4.0, 2.5])


def _gradient(student: int, teacher: int, temperature: int) -> float:
    logit = torch.tensor([float(student)], requires_grad=True)
    score_distillation(logit, torch.tensor([float(teacher)]), temperature).sum().backward()
    assert logit.grad is not None
    return logit.grad.item()


def test_the_label_loss_is_minus_the_logarithm_of_the_label_s_probability() -> None:
    losses = label_loss(torch.tensor([0.0, 2.0, 2.0]), torch.tensor([1.0, 1.0, 0.0]))
    # sigmoid(2) = 0.880797
    expected = [math.log(2), -math.log(0.880797), -math.log(1 - 0.880797)]
    assert losses.tolist() == pytest.approx(expected, abs=1e-5)


def test_smoothed_labels_are_a_tenth_from_0_and_1_with_smoothing_0_2() -> None:
    losses = label_loss(torch.tensor([2.0, 2.0]), torch.tensor([1.0, 0.0]), 0.2)
    # 0.9 * 0.126928 + 0.1 * 2.126928 and 0.1 * 0.126928 + 0.9 * 2.126928
    assert losses.tolist() == pytest.approx([0.326928, 1.926928], abs=1e-5)


def test_the_score_distillation_of_a_teacher_in_doubt_is_the_value_computed_by_hand() -> None:
    doubt, student = torch.zeros(1), torch.tensor([2.0])
    # T = 1: -(ln 0.880797 + ln 0.119203) / 2 - ln 2
    assert score_distillation(student, doubt, 1).item() == pytest.approx(0.433781, abs=1e-5)
    # T = 2: 4 (-(ln 0.731059 + ln 0.268941) / 2 - ln 2)
    assert score_distillation(student, doubt, 2).item() == pytest.approx(0.480458, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_score_distillation_is_hinton_s_for_two_classes_of_which_one_logit_is_0(
    temperature: float,
) -> None:
    def softened(logits: Tensor) -> Tensor:
        return functional.log_softmax(torch.stack([logits, 0 * logits], 1) / temperature, 1)

    divergence = functional.kl_div(
        softened(STUDENT), softened(TEACHER), reduction="none", log_target=True
    ).sum(1)
    ours = score_distillation(STUDENT, TEACHER, temperature)
    torch.testing.assert_close(ours, temperature**2 * divergence, atol=1e-5, rtol=1e-5)


def test_the_score_distillation_is_0_where_student_and_teacher_agree_and_positive_elsewhere() -> (
    None
):
    assert score_distillation(TEACHER, TEACHER, 2).tolist() == pytest.approx([0] * 4, abs=1e-6)
    assert (score_distillation(STUDENT, TEACHER, 2)[[0, 2, 3]] > 0).all()


def test_the_gradient_is_the_temperature_times_the_difference_of_softened_scores() -> None:
    # T (sigmoid(s / T) - sigmoid(t / T)) with s = 2, t = 0
    assert _gradient(2, 0, 1) == pytest.approx(0.380797, abs=1e-5)
    assert _gradient(2, 0, 2) == pytest.approx(2 * 0.231059, abs=1e-5)


def test_the_gradient_keeps_its_size_at_high_temperatures() -> None:
    # Its limit is (s - t) / 4.
    assert _gradient(2, -1, 100) == pytest.approx(0.75, abs=1e-3)
    assert _gradient(2, -1, 1000) == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        score_distillation(STUDENT, TEACHER, temperature)


def test_a_map_is_normalised_to_its_height_above_the_median() -> None:
    maps = torch.tensor([[[0.0, 1.0, 1.0], [2.0, 5.0, -7.0], [1.0, 1.0, 1.0]]])
    expected = torch.tensor([[[0.0, 0.0, 0.0], [0.25, 1.0, 0.0], [0.0, 0.0, 0.0]]])
    torch.testing.assert_close(normalised_map(maps), expected)


def test_a_normalised_map_knows_neither_scale_nor_offset() -> None:
    maps = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(normalised_map(3 * maps - 2), normalised_map(maps))


def test_a_map_without_evidence_stays_0() -> None:
    assert normalised_map(torch.full((2, 3, 3), -4.0)).eq(0).all()


def test_the_map_loss_is_the_mean_cross_entropy_of_the_places() -> None:
    places = torch.tensor([[[0.0, 2.0]], [[2.0, 2.0]]])
    targets = torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]]])
    expected = [(math.log(2) + 2.126928) / 2, 0.126928]
    assert map_loss(places, targets).tolist() == pytest.approx(expected, abs=1e-5)


def test_overlap_is_complete_for_equal_maps_whatever_their_scale_and_offset() -> None:
    target = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]])
    torch.testing.assert_close(overlap_loss(4 * target - 3, target), torch.zeros(1))


def test_overlap_loss_is_one_where_maps_nowhere_meet_and_half_for_half_the_area() -> None:
    map_ = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    elsewhere = torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    torch.testing.assert_close(overlap_loss(map_, elsewhere), torch.ones(1))
    torch.testing.assert_close(overlap_loss(map_, map_ + elsewhere), torch.tensor([0.5]))


def test_a_map_of_zeros_passes_small_gradients_on() -> None:
    # The map of a student whose head begins with zeros.
    maps = torch.zeros(1, 4, 4, requires_grad=True)
    overlap_loss(maps, torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(0))).backward()
    assert maps.grad is not None
    assert 0 < maps.grad.abs().max() < 10
