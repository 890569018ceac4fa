"""One source as typed on the command line, read by whichever reader knows its layout.

Takes a folder or a CSV file, with options after a question mark; gives its films. Combining
sources is left to loading.py.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from urllib.parse import parse_qsl

from tbspot.errors import TbspotError
from tbspot.samples.reading import Reading
from tbspot.samples.shenzhen import is_shenzhen, read_shenzhen
from tbspot.samples.simplified import TABLE_FILE, read_simplified
from tbspot.samples.table import Columns, read_table
from tbspot.samples.tbx11k import FAMILIES, is_tbx11k, read_tbx11k

__all__ = ["locate_source", "read_source"]

LABELS_FILE = "labels.csv"
COLUMN_NAMES = tuple(field.name for field in dataclasses.fields(Columns))


def read_source(source: str) -> Reading:
    """Read one source.

    Args:
        source: a folder laid out as TBX11K, 'TBX11K simplified' or Shenzhen, or one with a
            `labels.csv`; or a CSV file. After a question mark follow options, as in
            `labels.csv?label=finding&positive=pneumonia`: for TBX11K `lists`, for tables the
            names of columns, `positive` and `root`.

    Raises:
        TbspotError: the source is absent, of no known layout, or wrong.
    """
    path, options = locate_source(source)
    if path.is_dir():
        return _read_folder(path, options, source)
    if not path.exists():
        raise TbspotError(f"{path} does not exist; check the path of the data")
    if path.suffix.lower() == ".json":
        raise TbspotError(
            f"{path} is JSON and no CSV file; list the films in a table, with the boxes of each in "
            "its column of boxes, or lay them out as TBX11K"
        )
    return _read_table(path, options, source)


def locate_source(source: str) -> tuple[Path, dict[str, str]]:
    """Where a source lies, whether it is there or not, and its options.

    Raises:
        TbspotError: the options are not ones.
    """
    path, options = _parse(source)
    return _straight(path), options


def _parse(source: str) -> tuple[Path, dict[str, str]]:
    if not source.partition("?")[0]:
        raise TbspotError(f"{source!r} names no data set; give the path of a folder or CSV file")
    location, mark, query = source.rpartition("?")
    if not mark or Path(source).exists():
        return Path(source), {}
    try:
        given = parse_qsl(query, strict_parsing=True, keep_blank_values=True)
    except ValueError as error:
        raise TbspotError(
            f"{source!r} has options that are not name=value&name=value; correct them"
        ) from error
    options = dict(given)
    for name, value in given:
        if options[name] != value:
            raise TbspotError(f"{source!r} gives the option {name!r} twice; keep one")
        if not value:
            raise TbspotError(
                f"{source!r} gives the option {name!r} no value; give one or leave it out"
            )
    return Path(location), options


def _straight(path: Path) -> Path:
    """The path without steps back up: films are called by their names relative to it."""
    return path.resolve() if ".." in path.parts else path


def _read_folder(folder: Path, options: dict[str, str], source: str) -> Reading:
    if is_tbx11k(folder):
        _only(options, ("lists",), source)
        family = options.get("lists")
        if family not in (None, *FAMILIES):
            raise TbspotError(f"{source!r}: lists is {' or '.join(FAMILIES)}, not {family!r}")
        return read_tbx11k(folder, family)
    if (folder / LABELS_FILE).is_file():
        return _read_table(folder / LABELS_FILE, options, source)
    _only(options, (), source)
    if (folder / TABLE_FILE).is_file():
        return read_simplified(folder)
    if is_shenzhen(folder):
        return read_shenzhen(folder)
    raise TbspotError(
        f"{folder} is no data set that tbspot knows: no lists (TBX11K), no {TABLE_FILE} "
        f"(TBX11K simplified), no CHNCXR films (Shenzhen), no {LABELS_FILE}; "
        "name the folder that holds them, or a CSV file"
    )


def _read_table(path: Path, options: dict[str, str], source: str) -> Reading:
    _only(options, (*COLUMN_NAMES, "positive", "root"), source)
    columns = Columns(**{key: name for key, name in options.items() if key in COLUMN_NAMES})
    root = _straight(Path(options["root"])) if "root" in options else None
    return read_table(path, columns, positive=options.get("positive"), root=root)


def _only(options: dict[str, str], known: tuple[str, ...], source: str) -> None:
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TbspotError(
            f"{source!r} has no option {unknown[0]!r}; there are: {', '.join(known) or 'none'}"
        )
