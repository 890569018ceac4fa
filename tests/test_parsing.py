from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from tbspot.errors import TbspotError
from tbspot.parsing import read_json


class _Record(BaseModel):
    films: int


def test_a_file_that_fits_is_its_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"films": 3}', "utf-8")
    assert read_json(tmp_path / "a.json", _Record, "a record") == _Record(films=3)


def test_an_absent_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"a\.json cannot be read: No such file .*; make one"):
        read_json(tmp_path / "a.json", _Record, "a record", "make one")


@pytest.mark.parametrize(
    ("content", "fault"),
    [("", "Invalid JSON.*"), ('{"films": "many"}', "films: .* valid integer.*")],
)
def test_a_file_that_does_not_fit_says_what_is_wrong_first(
    tmp_path: Path, content: str, fault: str
) -> None:
    (tmp_path / "a.json").write_text(content, "utf-8")
    with pytest.raises(TbspotError, match=rf"a\.json is not a record \({fault}\); make one"):
        read_json(tmp_path / "a.json", _Record, "a record", "make one")
