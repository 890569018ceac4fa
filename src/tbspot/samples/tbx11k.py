"""TBX11K as distributed: `imgs/{health,sick,tb,extra}`, `lists/*.txt`, `annotations/json/*.json`.

Takes its folder; gives the films of its lists, with the list's name as split and the boxes of the
annotation file of the same name. Dividing films without a split is left to splitting.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from tbspot.errors import TbspotError
from tbspot.parsing import open_file
from tbspot.samples.coco import AnnotatedFilm, read_coco
from tbspot.samples.names import label_and_source, stem
from tbspot.samples.reading import (
    Reading,
    absent_note,
    film_file,
    film_folder,
    inside,
    refuse_other_size,
)
from tbspot.samples.sample import Sample

__all__ = ["is_tbx11k", "official_split", "read_tbx11k"]

FILM_FOLDERS = ("imgs", "films")
FAMILIES = ("TBX11K", "all")
LABELS = {"tb": 1, "health": 0, "sick": 0}


def is_tbx11k(folder: Path) -> bool:
    """Whether a folder is laid out as TBX11K."""
    return (folder / "lists").is_dir() or any(
        (folder / name / "tb").is_dir() for name in FILM_FOLDERS
    )


def official_split(name: str) -> str:
    """The split of an official list: `TBX11K_train` and `all_train` are both `train`."""
    for family in FAMILIES:
        name = name.removeprefix(f"{family}_")
    return name


def read_tbx11k(folder: Path, family: str | None = None) -> Reading:
    """Read the films of one family of lists.

    Args:
        folder: holds `imgs` (or `films`), `lists` and `annotations`.
        family: `TBX11K`, or `all` for the lists that add Shenzhen, Montgomery, DA and DB. Without
            it: lists of one's own (`train.txt`) where there are any, otherwise `TBX11K`.

    Raises:
        TbspotError: there are no such lists, or a list or an annotation file is wrong.
    """
    films = film_folder(folder, FILM_FOLDERS)
    samples: list[Sample] = []
    absent: Counter[int] = Counter()
    first: Path | None = None
    unlabelled = 0
    unlisted: set[str] = set()
    others: Counter[str] = Counter()
    for listing in _lists(folder, family):
        truth, names = _truth(folder, listing.stem), _names(listing)
        unlisted |= _unlisted(folder, truth, names)
        for name in names:
            listed = inside(films, name, listing)
            path = film_file(listed)
            known = _label_and_source(name, listing)
            if known is None:
                unlabelled += 1
            elif path is None:
                absent[known[0]] += 1
                first = first or listed
            else:
                annotated = truth.get(name)
                others.update(annotated.others if annotated else ())
                samples.append(_sample(path, films, known, listing.stem, annotated))
    notes = [*absent_note("tbx11k", absent, films, first)]
    if unlisted:
        notes.append(
            f"tbx11k: films with boxes that no list names, left out: {len(unlisted):,} "
            f"({', '.join(sorted(unlisted)[:3])})"
        )
    if others:
        counted = ", ".join(f"{name!r} {count:,}" for name, count in others.most_common(3))
        notes.append(
            f"tbx11k: boxes of categories that TBX11K does not have, all taken for TB of an "
            f"uncertain kind: {others.total():,} ({counted})"
        )
    if unlabelled:
        notes.append(f"tbx11k: test films without a public label, left out: {unlabelled:,}")
    return Reading(tuple(samples), (*notes, *_boxless_note(samples)), absent, first)


def _lists(folder: Path, family: str | None) -> list[Path]:
    # Lists named trainval only repeat train and val.
    lists = [path for path in _all_lists(folder) if "trainval" not in path.stem]
    families = {path: path.stem.split("_")[0] for path in lists}
    own = [path for path in lists if families[path] not in FAMILIES]
    if family is None and own:
        return own
    wanted = family or FAMILIES[0]
    found = [path for path in lists if families[path] == wanted]
    if not found:
        raise TbspotError(
            f"{folder / 'lists'} holds no list {wanted}_*.txt; "
            "unpack TBX11K whole, or add ?lists=TBX11K or ?lists=all"
        )
    return found


def _all_lists(folder: Path) -> list[Path]:
    return sorted((folder / "lists").glob("[!.]*.txt"))


def _truth(folder: Path, name: str) -> dict[str, AnnotatedFilm]:
    for path in (folder / "annotations" / "json" / f"{name}.json", folder / f"{name}.json"):
        if path.is_file():
            return read_coco(path)
    return {}


def _unlisted(folder: Path, truth: dict[str, AnnotatedFilm], names: list[str]) -> set[str]:
    """The films with boxes that no list names: a part of them, or names are spelled otherwise."""
    boxed = {name for name, film in truth.items() if film.boxes}
    unlisted = boxed.difference(names)
    if unlisted:
        # A list may name a part of what is annotated, and another one the rest.
        unlisted.difference_update(*map(_names, _all_lists(folder)))
    if names and unlisted and unlisted == boxed:
        raise TbspotError(
            f"{truth[min(unlisted)].where} has boxes, and no list names it or any other film with "
            f"boxes of that file; name films there as the list does, such as {names[0]!r}"
        )
    return unlisted


def _names(listing: Path) -> list[str]:
    try:
        with open_file(listing) as file:
            lines = file.read().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TbspotError(f"{listing} cannot be read as a list of films; replace it") from error
    return [line.strip() for line in lines if line.strip()]


def _label_and_source(name: str, listing: Path) -> tuple[int, str] | None:
    film = PurePosixPath(name)
    group = film.parts[0]
    if group == "test":
        return None
    if group in LABELS:
        return LABELS[group], "tbx11k"
    known = label_and_source(film.stem) if group == "extra" else None
    if known is None:
        raise TbspotError(
            f"{listing} names {name!r}, whose label its folder and name do not tell; "
            "expected tb/, health/, sick/ or extra/"
        )
    return known


def _sample(
    path: Path,
    films: Path,
    known: tuple[int, str],
    listed_in: str,
    annotated: AnnotatedFilm | None,
) -> Sample:
    label, source = known
    boxes = annotated.boxes if annotated else None
    size = None
    if annotated and boxes:
        size = refuse_other_size(path, annotated.size, annotated.where)
    # The other collections have image labels only: no box there means that nobody looked.
    looked = source == "tbx11k" or label == 0 or bool(boxes)
    return Sample(
        path=path.absolute(),
        name=path.relative_to(films).as_posix(),
        label=label,
        source=source,
        patient=stem(path.name),
        split=official_split(listed_in),
        boxes=boxes if looked else None,
        size=size,
    )


def _boxless_note(samples: list[Sample]) -> tuple[str, ...]:
    boxless = [sample.name for sample in samples if sample.label and sample.boxes == ()]
    if not boxless:
        return ()
    return (f"tbx11k: TB films without a box: {len(boxless):,} ({', '.join(boxless[:3])})",)
