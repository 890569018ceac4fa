"""docs/python.md works as it stands, and docs/api.md says what the docstrings say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import api_page
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
EXAMPLE = Path(__file__).parents[1] / "src" / "tbspot" / "released" / "example.png"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.slow
def test_every_block_of_the_page_runs(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(drawn, tmp_path / "drawn")
    shutil.copy(EXAMPLE, tmp_path / "film.png")
    (tmp_path / "films").mkdir()
    for number in (1, 2):
        shutil.copy(EXAMPLE, tmp_path / "films" / f"{number}.png")
    film = (drawn / "lists" / "TBX11K_val.txt").read_text().split()[0]
    (tmp_path / "theirs.csv").write_text(f"image,x0,y0,x1,y1,score\n{film},9,9,50,50,0.8\n")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    said = capsys.readouterr().out
    assert "ok 0.9" in said
    assert "refused" in said
    assert "absent.onnx does not exist" in said
    assert (tmp_path / "overlay.png").stat().st_size > 0
    assert names["finding"].status == "ok"


def test_the_page_of_the_api_is_that_of_the_docstrings() -> None:
    assert api_page.PAGE.read_text("utf-8") == api_page.page(), "run: python runs/api_page.py"
