"""From sources to films: the one way that commands get their data.

Takes sources as typed on the command line (a folder, or a CSV file with `?column=name`); gives
their films, each in one split, and notes for the user. Reading each layout is left to the modules
beside this one.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from tbspot.errors import TbspotError
from tbspot.samples.duplicates import without_training_copies
from tbspot.samples.reading import Reading
from tbspot.samples.sample import Sample
from tbspot.samples.splitting import SHARES, divide, read_split
from tbspot.samples.table import Columns, table
from tbspot.samples.tbx11k import FAMILIES, is_tbx11k, official_split, read_tbx11k

__all__ = ["Loaded", "in_split", "load", "require_both_classes", "require_positives"]

LABELS_FILE = "labels.csv"
COLUMN_NAMES = tuple(field.name for field in dataclasses.fields(Columns))
# Names that data sets and people use for one split of ours.
ALIASES = {"tuning": "tune"}


@dataclass(frozen=True)
class Loaded:
    """Films, each with a split, and sentences for the user about what was found."""

    samples: tuple[Sample, ...]
    notes: tuple[str, ...]


def load(sources: Sequence[str], split_file: Path | None = None, seed: int = 0) -> Loaded:
    """Read sources and combine them.

    Args:
        sources: folders or CSV files, with options after a question mark.
        split_file: from `tbspot prepare`; without it films that come without a split are divided
            by patient.
        seed: of that division.

    Raises:
        TbspotError: a source is absent or wrong, or a class that it lists has no film left.
    """
    readings = [_read(source) for source in sources]
    samples = _distinct([one for reading in readings for one in reading.samples])
    _require_listed_classes(samples, readings)
    notes = [note for reading in readings for note in reading.notes]
    if split_file is not None:
        samples = read_split(split_file, samples)
    else:
        notes.extend(_division_notes(samples, seed))
        samples = divide(samples, seed)
    samples, copies = without_training_copies(samples)
    return Loaded(samples, (*notes, *copies))


def in_split(samples: Sequence[Sample], name: str) -> tuple[Sample, ...]:
    """The films of a split; official names (`TBX11K_val`, `trainval`) and `tuning` are known.

    Raises:
        TbspotError: no film is in that split.
    """
    wanted = _plain(official_split(name))
    names = {"train", "val", "trainval"} if wanted == "trainval" else {wanted}
    found = tuple(one for one in samples if _plain(one.split) in names)
    if not found:
        present = ", ".join(sorted({one.split for one in samples})) or "none"
        raise TbspotError(f"no film is in split {name!r}; there are: {present}")
    return found


def require_positives(samples: Sequence[Sample], what: str) -> None:
    """Refuse films without TB among them.

    Raises:
        TbspotError: no film is labelled TB.
    """
    if not any(one.label for one in samples):
        raise TbspotError(
            f"{what} has no film with TB; add a source that has, or name another split"
        )


def require_both_classes(samples: Sequence[Sample], what: str) -> None:
    """Refuse films of one class only.

    Raises:
        TbspotError: all films, or none, are labelled TB.
    """
    require_positives(samples, what)
    if all(one.label for one in samples):
        raise TbspotError(
            f"{what} has only films with TB; add a source of films without it, "
            "or name another split"
        )


def _read(source: str) -> Reading:
    path, options = _parse(source)
    if path.is_dir():
        return _read_folder(path, options, source)
    if not path.exists():
        raise TbspotError(f"{path} does not exist; check the path of the data")
    return _read_table(path, options, source)


def _parse(source: str) -> tuple[Path, dict[str, str]]:
    location, mark, query = source.rpartition("?")
    if not mark or Path(source).exists():
        return Path(source), {}
    try:
        return Path(location), dict(parse_qsl(query, strict_parsing=True, keep_blank_values=True))
    except ValueError as error:
        raise TbspotError(
            f"{source!r} has options that are not name=value&name=value; correct them"
        ) from error


def _read_folder(folder: Path, options: dict[str, str], source: str) -> Reading:
    if is_tbx11k(folder):
        _only(options, ("lists",), source)
        family = options.get("lists")
        if family not in (None, *FAMILIES):
            raise TbspotError(f"{source!r}: lists is {' or '.join(FAMILIES)}, not {family!r}")
        return read_tbx11k(folder, family)
    if (folder / LABELS_FILE).is_file():
        return _read_table(folder / LABELS_FILE, options, source)
    raise TbspotError(
        f"{folder} is no data set that tbspot knows: no lists (TBX11K), no {LABELS_FILE}; "
        "name the folder that holds them, or a CSV file"
    )


def _read_table(path: Path, options: dict[str, str], source: str) -> Reading:
    _only(options, (*COLUMN_NAMES, "positive", "root"), source)
    columns = Columns(**{key: name for key, name in options.items() if key in COLUMN_NAMES})
    root = Path(options["root"]) if "root" in options else None
    return table(path, columns, positive=options.get("positive"), root=root)


def _only(options: dict[str, str], known: tuple[str, ...], source: str) -> None:
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TbspotError(f"{source!r} has no option {unknown[0]!r}; there are: {', '.join(known)}")


def _distinct(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The films without repetitions of the same file in the same split."""
    paths: dict[tuple[str, str], Path] = {}
    for one in samples:
        other = paths.setdefault((one.source, one.name), one.path)
        if other != one.path:
            raise TbspotError(
                f"two films of source {one.source} are called {one.name} ({other} and {one.path}); "
                "give one of them another source"
            )
    return tuple({(one.path, one.split): one for one in samples}.values())


def _require_listed_classes(samples: Sequence[Sample], readings: Sequence[Reading]) -> None:
    absent = sum((reading.absent for reading in readings), Counter[int]())
    present = {one.label for one in samples}
    for label, name in ((1, "with TB"), (0, "without TB")):
        if absent[label] and label not in present:
            raise TbspotError(
                f"none of the {absent[label]:,} listed films {name} exists; "
                "check that the films lie beside the lists"
            )
    if not samples:
        raise TbspotError("the data hold no film; check the paths")


def _division_notes(samples: Sequence[Sample], seed: int) -> list[str]:
    counts = Counter(one.source for one in samples if not one.split)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in SHARES.items())
    return [
        f"{source}: {count:,} films without a split were divided by patient ({shares}; seed {seed})"
        for source, count in counts.items()
    ]


def _plain(split: str) -> str:
    return ALIASES.get(split, split)
