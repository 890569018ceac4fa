"""Over a thousand kinds of DICOM files, each shown by tbspot as by a library nobody here wrote.

`python -m pytest -m oracle`; needs Debian's dcmtk, and takes a minute on two cores.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pytest
from judging import picture
from making import write
from matrix import Kind, kinds

from tbspot.errors import TbspotError
from tbspot.images import read_pixels

TOOLS = ("dcm2pnm", "dcmj2pnm", "dcml2pnm", "dcmconv", "dcmcrle", "dcmcjpeg", "dcmcjpls")
# Of an image: file, identity, picture, retired overlays, pixels.
GROUPS = ("0002", "0008", "0028", "6000", "7FE0")
TABLE = Path(__file__).with_name("disagreements.md")

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="no dcmtk here"),
]


def patterns() -> tuple[str, ...]:
    """Of the table's rows."""
    rows = [line.split("|") for line in TABLE.read_text("utf-8").splitlines()]
    return tuple(row[1].strip(" `") for row in rows if len(row) > 4 and "`" in row[1])


DISAGREEMENTS = patterns()


@pytest.fixture(scope="module", autouse=True)
def small_dictionary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of dcmtk's dictionary what these files need: reading all of it is most of a tool's time.

    For these tests alone: Orthanc does not start by it.
    """
    whole = next(Path("/usr/share").glob("*dcmtk*/dicom.dic"), None)
    if whole is None:
        yield
        return
    lines = whole.read_text("utf-8", "replace").splitlines(keepends=True)
    small = tmp_path_factory.mktemp("dcmtk") / "dicom.dic"
    small.write_text("".join(line for line in lines if line[1:5] in GROUPS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCMDICTPATH", str(small))
        yield


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_a_kind_of_file_is_shown_as_dcmtk_shows_it_unless_the_table_says_why_not(
    kind: Kind, tmp_path: Path
) -> None:
    path = tmp_path / "film.dcm"
    write(kind, path)
    assert agree(kind, path) != any(fnmatchcase(kind.name, each) for each in DISAGREEMENTS)


def agree(kind: Kind, path: Path) -> bool:
    """Whether every pixel is the same but for the rounding of dcmtk's picture."""
    expected = picture(kind, path)
    # A library that gave up would agree with another that did.
    assert np.unique(expected).size > (1 if kind.extra == "step" else 50)
    try:
        pixels = read_pixels(path)
    except TbspotError:
        return False
    # dcmtk cuts fractions off: once for grey values, and again in the luma of colours that it
    # has rounded to whole levels.
    levels = 1 if kind.grey else 2
    # A few roundings of float32 on top.
    allowed = levels / (2**kind.depth - 1) + 1e-6
    return pixels.shape == expected.shape and bool(np.abs(pixels - expected).max() <= allowed)


def test_the_matrix_has_a_thousand_kinds_and_the_table_no_idle_row() -> None:
    names = [kind.name for kind in kinds()]
    assert len(set(names)) == len(names) >= 1000
    assert all(any(fnmatchcase(name, each) for name in names) for each in DISAGREEMENTS)
