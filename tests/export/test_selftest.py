from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tbspot.errors import TbspotError
from tbspot.export.selftest import reference_path, selftest

pytestmark = pytest.mark.slow


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    """A copy of the exported model and its reference."""
    copied = tmp_path / exported.name
    shutil.copy(exported, copied)
    shutil.copy(reference_path(exported), reference_path(copied))
    return copied


def _change(model: Path, **changes: object) -> None:
    with np.load(reference_path(model)) as stored:
        content = dict(stored)
    np.savez(reference_path(model), **(content | changes))  # type: ignore[arg-type]


def test_the_installation_that_made_the_reference_passes(model: Path) -> None:
    result = selftest(model, "float32")
    assert result.passed
    assert result.agreement.score < 1e-6


def test_another_score_does_not_pass(model: Path) -> None:
    _change(model, score=np.float64(0.123))
    assert not selftest(model, "float32").passed


def test_another_map_does_not_pass(model: Path) -> None:
    with np.load(reference_path(model)) as stored:
        evidence = stored["evidence"]
    _change(model, evidence=-evidence)
    assert not selftest(model, "float32").passed


def test_the_reference_of_another_version_is_one_clear_sentence(model: Path) -> None:
    _change(model, version=np.array("other"))
    with pytest.raises(TbspotError, match="belongs to version other"):
        selftest(model)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not there; copy it along with its model, or write both with `tbspot export`"),
        (b"", "is not a reference of tbspot"),
        (b"PK\x03\x04 broken", "is not a reference of tbspot"),
    ],
)
def test_a_reference_that_is_absent_or_broken_is_one_clear_sentence(
    model: Path, content: bytes | None, sentence: str
) -> None:
    reference_path(model).unlink()
    if content is not None:
        reference_path(model).write_bytes(content)
    with pytest.raises(TbspotError, match=sentence):
        selftest(model)
