from __future__ import annotations

import pytest

from tbspot.scores import shown_figure, shown_pixel, shown_score, shown_threshold


@pytest.mark.parametrize(
    ("score", "shown"),
    [(0.0, "0.0"), (1.0, "100.0"), (0.8765, "87.7"), (0.12, "12.0"), (0.0004, "0.0"), (None, "")],
)
def test_a_score_is_shown_from_0_to_100_with_one_decimal(score: float | None, shown: str) -> None:
    assert shown_score(score) == shown


@pytest.mark.parametrize("score", [0.9995, 0.99996, 1 - 1e-16])
def test_a_score_under_1_is_not_rounded_up_to_certainty(score: float) -> None:
    assert shown_score(score) == "99.9"
    assert shown_score(score, 0.5) == "99.9"


@pytest.mark.parametrize(
    ("score", "threshold", "shown"),
    [(0.49996, 0.5, "49.9"), (0.5, 0.5, "50.0"), (0.5432, 0.5434, "54.2"), (0.0001, 0.0002, "0.0")],
)
def test_a_score_under_its_threshold_is_not_rounded_up_to_it(
    score: float, threshold: float, shown: str
) -> None:
    assert shown_score(score, threshold) == shown


@pytest.mark.parametrize(
    ("threshold", "shown"),
    [
        (0.44, "0.44"),
        (0.123456, "0.123"),
        (0.00041, "0.00041"),
        (0.9996, "0.9996"),
        (0.99999643, "0.9999964"),
        (0.999876543, "0.999877"),
        (0.0, "0"),
        (1.0, "1"),
    ],
)
def test_a_threshold_is_not_rounded_to_0_or_1(threshold: float, shown: str) -> None:
    assert shown_threshold(threshold) == shown


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (0.5, "0.500"),
        (1.0, "1.000"),
        (0.9996, "0.9996"),
        (0.999965, "0.999965"),
        (1 - 1e-15, "1.000"),
        (0.0004, "0.0004"),
        (1.0003, "1.0003"),
        (-0.0004, "-0.0004"),
        (-1e-17, "0.000"),
        (1104.8241, "1104.824"),
    ],
)
def test_a_figure_is_not_rounded_to_0_or_1(figure: float, shown: str) -> None:
    assert shown_figure(figure) == shown


def test_a_threshold_beyond_0_and_1_is_shown_too() -> None:
    assert [shown_threshold(one) for one in (-1e30, 12.3456)] == ["-1e+30", "12.3"]


@pytest.mark.parametrize(
    ("corner", "shown"), [(0.0, "0"), (42.5, "43"), (206.5, "207"), (41.49, "41"), (102.0, "102")]
)
def test_a_corner_is_shown_in_pixels_with_halves_up_as_on_the_page(
    corner: float, shown: str
) -> None:
    assert shown_pixel(corner) == shown
