"""What every reader of a data set shares: its result, safe paths, checked boxes, CSV.

Takes folders and files as they are distributed; gives a `Reading` of samples, notes and counts of
absent films. The layouts themselves are left to one module each.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from PIL import Image

from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.images import SUFFIXES, read_pixels
from tbspot.images.raster import on_its_side
from tbspot.parsing import open_file
from tbspot.pathnames import as_text
from tbspot.samples.names import without_ending
from tbspot.samples.sample import LesionKind, Sample, TruthBox

__all__ = [
    "IN_SHARES",
    "Reading",
    "absent_note",
    "as_sought",
    "exists",
    "film_file",
    "film_folder",
    "film_size",
    "inside",
    "number_of",
    "read_rows",
    "refuse_other_size",
    "sha256_of",
    "told",
    "truth_box",
]

# Boxes were drawn on larger films and scaled: an edge may round to a little outside.
TOLERANCE = 1.0

# Why a box that ends in the film's first pixel is none: YOLO's and other files have such corners.
IN_SHARES = (
    "within one pixel: corners are in pixels; if these are shares of the film's sides, multiply "
    "them by its width and height"
)

# Words and characters of a file that a sentence repeats: a table's columns, and no novel.
MOST_TOLD, LONGEST_TOLD = 20, 500

# What spreadsheets of other languages put between cells.
DIVIDERS = {";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Reading:
    """What one source holds.

    A reader of another layout gives one, and it is taken wherever a source is named by its path.

    Attributes:
        samples: its films that exist.
        notes: sentences for the user.
        absent: how many listed films of each label do not exist.
        first_absent: where the first of them was sought; `None` where a reader does not say.
    """

    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    absent: Counter[int] = field(default_factory=Counter)
    first_absent: Path | None = None

    def __post_init__(self) -> None:
        """Keep films and notes, however they were given: a source is read more than once."""
        for name in ("samples", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def __str__(self) -> str:
        """Where the films are from, and which: what sentences and run.json call it."""
        known = sorted(
            as_text(f"{one.path} {one.label} {one.split} {one.boxes}").encode()
            for one in self.samples
        )
        sources = ", ".join(sorted({one.source for one in self.samples}))
        return f"{sources} ({len(known):,} films, {fingerprint(*known)})"


def absent_note(
    source: str, absent: Counter[int], folder: Path, first: Path | None
) -> tuple[str, ...]:
    """The sentence that counts listed films that do not exist, if there are any."""
    if not absent.total():
        return ()
    return (
        f"{source}: listed films that are absent from {folder} and left out: "
        f"{absent.total():,} ({absent[1]:,} TB, {absent[0]:,} not TB)"
        + (f"; {as_sought(first)}" if first else ""),
    )


def as_sought(absent: Path) -> str:
    """Words on a film that does not exist, to be compared with the name that it has."""
    windows = "\\" in str(absent) and os.sep == "/"
    hint = r", with a \: write / between folders" if windows else ""
    return f"the first was sought at {str(absent)[:LONGEST_TOLD]}{hint}"


def inside(folder: Path, name: str, listed_in: Path) -> Path:
    """The path of `name` in `folder`; links are followed, `..` out of the folder is not.

    Two names of one film, such as `a.png` and `./a.png`, give the same path.

    Raises:
        TbspotError: the name leads out of the folder, or to the folder itself.
    """
    path, base = Path(os.path.normpath(folder / name)), Path(os.path.normpath(folder))
    if not path.is_relative_to(base) or "\0" in name:
        raise TbspotError(
            f"{listed_in} names {name!r}, which leads out of {folder}; "
            "list only films inside that folder"
        )
    if path == base:
        raise TbspotError(
            f"{listed_in} names {name!r}, which is the folder {folder} itself; name a film in it"
        )
    return path


def film_folder(folder: Path, names: tuple[str, ...]) -> Path:
    """The first of the sub-folders `names` that exists.

    Raises:
        TbspotError: there is none.
    """
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise TbspotError(f"{folder} has no folder of films ({' or '.join(names)}); check the path")


def film_file(path: Path) -> Path | None:
    """`path`, or the same film in another format beside it, or `None`."""
    stem = without_ending(path.name)
    candidates = (path, *(path.with_name(stem + suffix) for suffix in SUFFIXES))
    return next((candidate for candidate in candidates if exists(candidate)), None)


def exists(path: Path) -> bool:
    """Whether a file is there; a name or folder that the system refuses counts as absent."""
    try:
        return path.is_file()
    except OSError:
        return False


def film_size(path: Path) -> tuple[int, int]:
    """Width and height of a film as it is read, that is upright.

    Raises:
        TbspotError: the file is not an image.
    """
    try:
        # What the reader passes over in silence is not told here either.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=("PNG", "JPEG")) as image,
        ):
            width, height = image.size
            return (height, width) if on_its_side(image) else (width, height)
    # A broken header may break Pillow in any way: the reader tells the size, or what is wrong.
    except Exception:
        height, width = read_pixels(path).shape
        return width, height


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_other_size(film: Path, size: tuple[int, int], where: str) -> tuple[int, int] | None:
    """Refuse boxes that were drawn on a film of another width and height; gives the film's.

    A film that cannot be read passes (`None`): whoever reads it says so.

    Raises:
        TbspotError: the film has another size.
    """
    try:
        found = film_size(film)
    except TbspotError:
        return None
    if found != size:
        raise TbspotError(
            f"{where} has boxes for a film of {size[0]} x {size[1]} pixels, and {film} has "
            f"{found[0]} x {found[1]}; use the films that the boxes were drawn on, or scale the "
            "boxes and the size beside them"
        )
    return found


def truth_box(
    corners: tuple[float, float, float, float],
    size: tuple[int, int],
    kind: LesionKind,
    where: str,
) -> TruthBox:
    """A box from its corners x0, y0, x1, y1, checked against the film's width and height.

    Raises:
        TbspotError: the box has no area, does not lie on the film, or lies in its first pixel, as
            one in shares of the film does.
    """
    x0, y0, x1, y1 = corners
    width, height = size
    if not (x0 < x1 and y0 < y1):
        raise TbspotError(
            f"{where} has a box of zero size {corners}; left, top, right and bottom are wanted: "
            "correct or remove it"
        )
    if max(x1, y1) <= 1 < max(size):
        raise TbspotError(f"{where} has a box {corners} {IN_SHARES}")
    clipped = TruthBox(max(x0, 0), max(y0, 0), min(x1, width), min(y1, height), kind)
    beyond = min(x0, y0) < -TOLERANCE or x1 > width + TOLERANCE or y1 > height + TOLERANCE
    # A box may lie in the tolerance alone, where nothing of it is on the film.
    if beyond or not (clipped.x0 < clipped.x1 and clipped.y0 < clipped.y1):
        raise TbspotError(
            f"{where} has a box {corners} outside its image of {width} x {height} pixels; "
            "correct or remove it"
        )
    return clipped


def read_rows(
    path: Path, columns: tuple[str, ...], remedy: str = "rename its columns so"
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells, without spaces around them, of each row of a CSV file.

    Args:
        path: of the file.
        columns: that it must have. Their cells are names, numbers or labels, of one line.
        remedy: what to do where it lacks one.

    Raises:
        TbspotError: the file cannot be read, lacks a column or has one twice, a row has more
            cells than there are columns, or a quotation mark is not closed.
    """
    try:
        with (
            open_file(path) as content,
            io.TextIOWrapper(content, "utf-8-sig", newline="") as text,
        ):
            rows = _records(path, text)
            _, present = next(rows, (1, []))
            _refuse_other_columns(path, present, columns, remedy)
            for line, cells in rows:
                if cells:
                    yield line, _row(present, cells, columns, f"{path}, line {line},")
    except UnicodeDecodeError as error:
        raise TbspotError(
            f"{path} cannot be read as a CSV file: it is not UTF-8; save it as CSV UTF-8"
        ) from error
    except OSError as error:
        raise TbspotError(
            f"{path} cannot be read as a CSV file: {error.strerror or error}; check the path"
        ) from error


def _records(path: Path, text: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The line on which each record begins, and its cells; an empty line has none.

    Raises:
        TbspotError: a cell is not closed: it would hold the rows behind it, which were lost so.
    """
    rows = csv.reader(text, strict=True, skipinitialspace=True)
    line = 1
    try:
        for cells in rows:
            yield line, [cell.strip() for cell in cells]
            line = rows.line_num + 1
    except csv.Error as error:
        raise TbspotError(
            f"{path}, line {line}, has a cell that begins with a quotation mark and does not end "
            f"with one, or is far too long ({error}); close the mark, or mend the cell"
        ) from error


def _refuse_other_columns(
    path: Path, present: Sequence[str], columns: Sequence[str], remedy: str
) -> None:
    lacking = [column for column in columns if column not in present]
    if lacking:
        other = next((word for mark, word in DIVIDERS.items() if mark in "".join(present)), None)
        raise TbspotError(
            f"{path} has no column {' or '.join(map(repr, lacking))} (it has {told(present)}); "
            + (f"save it with commas, not {other}" if other else remedy)
        )
    _refuse_doubles(path, present)


def _refuse_doubles(path: Path, columns: Sequence[str]) -> None:
    # The last of them would win in silence.
    doubles = [name for name, count in Counter(columns).items() if name and count > 1]
    if doubles:
        raise TbspotError(f"{path} has two columns {doubles[0]!r}; keep or rename one")


def _row(
    present: Sequence[str], cells: Sequence[str], columns: Sequence[str], where: str
) -> dict[str, str]:
    if len(cells) > len(present):
        raise TbspotError(f"{where} has more cells than columns; quote cells that hold commas")
    row = {name: cell for name, cell in zip_longest(present, cells, fillvalue="") if name}
    for name in columns:
        # A quotation mark that another cell's closes far below takes whole rows.
        if "\n" in row[name] or "\r" in row[name]:
            raise TbspotError(
                f"{where} has a line end in the cell of {name!r}; write the cell on one line, "
                "rename a film that is called so, or close the quotation mark"
            )
    return row


def number_of(cell: str) -> float:
    """The number in a cell, as people write one; NaN where it is none.

    Python would take `1_000` and the digits of any script too.
    """
    try:
        return float(cell) if cell.isascii() and "_" not in cell else math.nan
    except ValueError:
        return math.nan


def told(words: Sequence[str]) -> str:
    """A file's own words in a sentence, cut where a file that is no table has endless ones."""
    return ", ".join(map(repr, words[:MOST_TOLD]))[:LONGEST_TOLD] or "none"
