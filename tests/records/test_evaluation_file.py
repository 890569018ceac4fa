from pathlib import Path

import pytest
from pydantic import ValidationError

from tbspot.errors import TbspotError
from tbspot.records.evaluation import FILE_NAME, read_evaluation
from tbspot.records.figures import Figure


def test_a_figure_without_a_value_must_say_why() -> None:
    with pytest.raises(ValidationError, match="a reason why it has none"):
        Figure(value=None, films=3)
    with pytest.raises(ValidationError, match="a reason why it has none"):
        Figure(value=0.5, films=3, reason="but it has one")


def test_a_figure_is_never_nan() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Figure(value=float("nan"), films=3)


def test_a_figure_reads_as_in_a_table() -> None:
    assert Figure(value=0.24281, low=0.2, high=0.3, films=9).words() == "0.243 [0.200, 0.300]"
    assert Figure(value=0.24281, low=0.2, high=0.3, films=9).words(interval=False) == "0.243"
    assert Figure(value=None, films=0, reason="there is no film").words() == "undefined"


def test_an_absent_evaluation_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"evaluation\.json cannot be read: .*; make one with"):
        read_evaluation(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1', "[1, 2]"])
def test_a_broken_evaluation_is_one_clear_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content, "utf-8")
    with pytest.raises(TbspotError, match="is not an evaluation of this version of tbspot"):
        read_evaluation(tmp_path)
