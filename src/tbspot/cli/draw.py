"""`tbspot draw`: a data set of drawn films.

Takes a folder, a count and a seed; gives films in TBX11K's layout, or films of one's own with
lesions drawn into them. All drawing is left to tbspot.drawings and tbspot.audit.pairs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tbspot.errors import TbspotError
from tbspot.extras import needing

__all__ = ["draw"]


def draw(
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    *,
    count: Annotated[
        int,
        typer.Option(
            help="Films: a third healthy, sick and TB each; with --into, at most how many are "
            "drawn into."
        ),
    ] = 300,
    size: Annotated[int, typer.Option(help="Side of a film in pixels.")] = 512,
    seed: Annotated[int, typer.Option(help="The same seed draws the same films.")] = 0,
    style: Annotated[
        Literal["plain", "portable"],
        typer.Option(help="portable: flat and grainy, as of a portable unit."),
    ] = "plain",
    shortcut: Annotated[
        Literal["none", "marker", "exposure", "source"],
        typer.Option(help="What goes with the TB label in the split train, beside TB."),
    ] = "none",
    strength: Annotated[
        float | None,
        typer.Option(help="Of the shortcut: 0 = by chance, 1 = on TB films alone; by default 0.9."),
    ] = None,
    in_val: Annotated[
        Literal["absent", "reversed"] | None,
        typer.Option(help="The shortcut in the split val; by default absent."),
    ] = None,
    into: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Draw no chests, but lesions into these films without TB; several times.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the films of --into.")] = "train",
    overwrite: Annotated[
        bool, typer.Option(help="Replace another drawn data set and all else in its folder.")
    ] = False,
) -> None:
    """Draw chest-like films with known truth, laid out as TBX11K.

    Lesions have the sizes and places of TBX11K's. One film in four is in
    the split val, the others are in train.

    Example:
        tbspot draw films --count 60 --size 256

    With a marker that goes with TB in train and not in val:
        tbspot draw planted --count 60 --size 256 --shortcut marker --strength 0.9

    Lesions in films of your own that have no TB, each film with and without, in pairs.csv:
        tbspot draw pairs --into films --count 20
    """
    from tbspot.console import open_console

    with needing("audit"):
        from tbspot.audit.pairs import TABLE_FILE, draw_pairs
        from tbspot.drawings import Shortcut, draw_dataset

    if into:
        _refuse_beside_into(size=size != 512, style=style != "plain", shortcut=shortcut != "none")
        drawn = draw_pairs(folder, into, split=split, count=count, seed=seed, overwrite=overwrite)
        table = folder / TABLE_FILE
        open_console().print(f"{drawn:,} films, with lesions and without: {table}")
        return
    if split != "train":
        raise TbspotError("--split is of the films of --into; name them, or leave out --split")
    if shortcut == "none" and (strength is not None or in_val is not None):
        raise TbspotError("--strength and --in-val are of a shortcut; name one with --shortcut")
    strength = 0.9 if strength is None else strength
    planted = None if shortcut == "none" else Shortcut(shortcut, strength, in_val or "absent")
    draw_dataset(
        folder,
        count=count,
        size=size,
        seed=seed,
        style=style,
        shortcut=planted,
        overwrite=overwrite,
    )
    open_console().print(f"{count:,} films of {size} x {size} pixels: {folder}")


def _refuse_beside_into(**given: bool) -> None:
    for option, was in given.items():
        if was:
            raise TbspotError(f"--into draws into films as they are; leave out --{option}")
