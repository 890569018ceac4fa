from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from tbspot.errors import TbspotError
from tbspot.parsing import WholeNumber, parse, read_json


class _Record(BaseModel):
    films: int


def test_a_file_that_fits_is_its_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"films": 3}', "utf-8")
    assert read_json(tmp_path / "a.json", _Record, "a record") == _Record(films=3)


@pytest.mark.parametrize(
    ("written", "number"), [("3", 3), ("3.0", 3), ("3.5", None), ("true", None), ('"3"', None)]
)
def test_a_whole_number_may_be_written_with_a_point(written: str, number: int | None) -> None:
    class Image(BaseModel):
        width: WholeNumber

    content = f'{{"width": {written}}}'.encode()
    if number is not None:
        assert parse(content, Image).width == number
    else:
        with pytest.raises(ValueError, match="valid integer"):
            parse(content, Image)


def test_an_absent_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"a\.json cannot be read: No such file .*; make one"):
        read_json(tmp_path / "a.json", _Record, "a record", "make one")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "Invalid JSON.*"),
        *((f'{{"films": {one}}}', "films: .* valid integer.*") for one in ('"3"', "true", "3.0")),
    ],
)
def test_a_file_that_does_not_fit_says_what_is_wrong_first(
    tmp_path: Path, content: str, fault: str
) -> None:
    (tmp_path / "a.json").write_text(content, "utf-8")
    with pytest.raises(TbspotError, match=rf"a\.json is not a record \({fault}\); make one"):
        read_json(tmp_path / "a.json", _Record, "a record", "make one")
