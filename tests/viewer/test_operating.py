from __future__ import annotations

from pathlib import Path

import pytest

from pages import Page, Places, serving
from tbspot.calibration import CalibrationSettings, calibrate, read_scored, write_calibration
from tbspot.calibration.run import RATES
from tbspot.errors import TbspotError
from tbspot.viewer.operating import read_operating


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 films with scores 0.01 to 0.80; every second has TB above 0.4, every fourth below."""
    folder = tmp_path_factory.mktemp("calibration")
    lines = [
        f"{number / 100},{int(number % (2 if number > 40 else 4) == 0)},student,student-1"
        for number in range(1, 81)
    ]
    table = folder / "scores.csv"
    table.write_text("\n".join(["score,reference,model,version", *lines]) + "\n")
    settings = CalibrationSettings(
        table, prevalence=0.1, sensitivity=0.9, specificity=0.7, resamples=100
    )
    result, points = calibrate(read_scored(settings), settings)
    write_calibration(folder, result, points)
    return folder


def test_a_threshold_gives_the_shares_of_the_films_of_the_calibration(calibration: Path) -> None:
    operating = read_operating(calibration)
    # 30 films with TB, 20 of them at 0.42 or above; 50 without, 19 at 0.43 or above.
    said = operating.sentence(0.415)
    assert said.startswith(
        "At this threshold: sensitivity 66.7 % (95 % interval 48.8 to 80.8 %), specificity 62.0 % ("
    )
    assert said == operating.sentence(0.42)
    assert said != operating.sentence(0.425)


def test_beyond_the_highest_score_no_film_is_found(calibration: Path) -> None:
    sentence = read_operating(calibration).sentence(0.81)
    assert sentence == "No film of the calibration has a score that high: sensitivity 0 %"


def test_a_calibration_of_another_version_is_said(calibration: Path) -> None:
    operating = read_operating(calibration)
    assert operating.warning("student-1") == ""
    assert "of version student-1 of the model, not of this one" in operating.warning("other")


def test_a_table_that_is_none_is_one_sentence(calibration: Path, tmp_path: Path) -> None:
    (tmp_path / "threshold.json").write_bytes((calibration / "threshold.json").read_bytes())
    for content in ("", "threshold\n", "threshold,sensitivity\n0.5,1\n", "threshold\nx\n"):
        (tmp_path / "thresholds.csv").write_text(content)
        with pytest.raises(TbspotError, match=r"table of thresholds|holds no threshold"):
            read_operating(tmp_path)
    (tmp_path / "thresholds.csv").unlink()
    with pytest.raises(TbspotError, match="is not a table of thresholds"):
        read_operating(tmp_path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0.5,0.9996,0.99,1,0,0,0.1", "sensitivity 99.9 % (95 % interval 99.0 to 100.0 %)"),
        ("0.5,2,0.9,2,0,0,0.1", None),
        ("0.5,-5,-5,0.9,0,0,0.1", None),
        ("0.5,0.9,0.95,1,0,0,0.1", None),
        ("0.5,nan,0,1,0,0,0.1", None),
    ],
)
def test_what_is_no_share_in_its_interval_is_refused_and_none_is_rounded_to_100(
    calibration: Path, tmp_path: Path, row: str, said: str | None
) -> None:
    (tmp_path / "threshold.json").write_bytes((calibration / "threshold.json").read_bytes())
    rates = [f"{rate}{end}" for rate in RATES for end in ("", "_low", "_high")]
    (tmp_path / "thresholds.csv").write_text(f"threshold,{','.join(rates)}\n{row}\n")
    if said is None:
        with pytest.raises(TbspotError, match="is not a table of thresholds"):
            read_operating(tmp_path)
    else:
        assert said in read_operating(tmp_path).sentence(0.5)


def test_the_page_tells_what_a_threshold_means(places: Places, calibration: Path) -> None:
    with serving(places.run, "--calibration", calibration) as page:
        expected = read_operating(calibration).sentence(0.3)
        assert page.ask("/threshold?score=0.3").json() == {"sentence": expected}
        assert page.ask("/threshold?score=2").status == 400
        text = page.ask("/film/1").text
        assert "chosen threshold" in text
        assert "not of this one" not in text


def test_without_a_calibration_the_page_says_how_to_get_one(page: Page) -> None:
    assert page.ask("/threshold?score=0.3").status == 404
    assert "Sensitivity and specificity are not known here" in page.ask("/film/1").text
