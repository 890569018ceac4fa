from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engines import DESCRIPTION, bright_engine
from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.locating import LocateSettings, find_items, locate
from tbspot.records.predictions import read_predictions
from tbspot.records.threshold import threshold_for_model


def write(folder: Path, **changes: object) -> Path:
    """A threshold.json for the model `bright`, version v1."""
    content = {
        "format": 1,
        "threshold": 0.625,
        "rule": "given",
        "model": "bright",
        "version": "v1",
        "calibration": "0123456789abcdef",
    }
    path = folder / "threshold.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_a_threshold_for_this_version_is_taken(tmp_path: Path) -> None:
    assert threshold_for_model(write(tmp_path), DESCRIPTION).threshold == 0.625


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": "v0"}, "made for version v0 of a model, and this is version v1 of bright"),
        ({"version": None}, "made for an unknown version of a model"),
        ({"version": "v" * 1_000_000}, r"made for version v+ \.\.\. .*; calibrate this model's"),
        ({"threshold": 47}, r"has the threshold 47, and scores of tbspot lie in \[0, 1\]"),
        ({"threshold": "high"}, "is not a threshold of this version of tbspot"),
    ],
)
def test_another_threshold_is_refused_in_one_clear_sentence(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(TbspotError, match=sentence):
        threshold_for_model(write(tmp_path, **changes), DESCRIPTION)


def test_every_prediction_carries_version_threshold_and_the_calibrations_fingerprint(
    drawn: Path, tmp_path: Path
) -> None:
    films, engine = drawn / "imgs" / "tb", bright_engine()
    settings = LocateSettings(
        (str(films),), "", "bright v1", "fake", "cam", gate=False, overlays=False
    )
    chosen = threshold_for_model(write(tmp_path), engine.description)
    calibrated = LocateSettings(
        **(vars(settings) | {"threshold": chosen.threshold, "calibration": chosen.calibration})
    )
    for folder, how, expected in (
        ("plain", settings, {(0.5, None, "v1")}),
        ("calibrated", calibrated, {(0.625, "0123456789abcdef", "v1")}),
    ):
        out = tmp_path / folder
        locate(find_items([films], out), engine, how, out)
        said = {(one.threshold, one.calibration, one.version) for one in read_predictions(out)}
        assert said == expected


def test_reading_a_threshold_loads_nothing_that_chooses_one() -> None:
    program = "import sys; import tbspot.records.threshold; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name for name in run.stdout.split() if name.startswith(("tbspot.", "numpy"))}
    assert not {name for name in loaded if "calibration" in name or "evaluation" in name}
    assert "numpy" not in loaded


def test_a_model_without_a_version_takes_no_threshold(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="made for an unknown version"):
        threshold_for_model(write(tmp_path, version=""), Description(name="m"))


def test_a_sentence_that_repeats_a_stranger_s_file_keeps_its_two_ends(tmp_path: Path) -> None:
    with pytest.raises(TbspotError) as caught:
        threshold_for_model(write(tmp_path, **{"x" * 1_000_000: 1}), DESCRIPTION)
    assert len(str(caught.value)) < 7000
    assert str(caught.value).startswith(str(tmp_path))
    assert str(caught.value).endswith("; make one with `tbspot calibrate`")
