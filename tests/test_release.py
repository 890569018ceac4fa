"""What a release says of itself is true everywhere it is said: version, date, terms.

Building, installing and bundling it are the recipes' own, at the end: they need a package index.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _cited(key: str) -> str:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    return re.findall(rf"^{key}: (.+)$", citation, re.MULTILINE)[0]


def test_the_newest_release_has_one_version_and_one_date() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", changes, re.MULTILINE)
    assert released[0] == (PROJECT["version"], _cited("date-released"))
    assert _cited("version") == PROJECT["version"]


def test_each_licence_that_the_package_names_has_its_text() -> None:
    texts = [path for glob in PROJECT["license-files"] for path in ROOT.glob(glob)]
    apache, creative = sorted(texts)
    assert PROJECT["license"] == f"Apache-2.0 AND {creative.stem}"
    assert "Apache License" in apache.read_text("utf-8")
    title = "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International"
    assert creative.read_text("utf-8").startswith(title)
