"""`tbspot draw`: a data set of drawn films.

Takes a folder, a count and a seed; gives films in TBX11K's layout. All drawing is left to
tbspot.drawings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tbspot.extras import needing

__all__ = ["draw"]


def draw(
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    *,
    count: Annotated[int, typer.Option(help="Films: a third healthy, sick and TB each.")] = 300,
    size: Annotated[int, typer.Option(help="Side of a film in pixels.")] = 512,
    seed: Annotated[int, typer.Option(help="The same seed draws the same films.")] = 0,
    style: Annotated[
        Literal["plain", "portable"], typer.Option(help="Of the films' source.")
    ] = "plain",
    shortcut: Annotated[
        Literal["none", "marker", "exposure", "source"],
        typer.Option(help="What goes with the TB label in the split train, beside TB."),
    ] = "none",
    strength: Annotated[
        float,
        typer.Option(help="Of the shortcut: 0 = by chance, 1 = on TB films alone."),
    ] = 0.9,
    in_val: Annotated[
        Literal["absent", "reversed"], typer.Option(help="The shortcut in the split val.")
    ] = "absent",
    overwrite: Annotated[bool, typer.Option(help="Replace another drawn data set.")] = False,
) -> None:
    """Draw chest-like films with known truth, laid out as TBX11K.

    Lesions have the sizes and places of TBX11K's. One film in four is in
    the split val, the others are in train.

    Example:
        tbspot draw films --count 60 --size 256

    With a marker that goes with TB in train and not in val:
        tbspot draw planted --count 60 --size 256 --shortcut marker --strength 0.9
    """
    from tbspot.cli._console import open_console

    with needing("audit"):
        from tbspot.drawings import Shortcut, draw_dataset

    planted = None if shortcut == "none" else Shortcut(shortcut, strength, in_val)
    draw_dataset(
        folder,
        count=count,
        size=size,
        seed=seed,
        style=style,
        shortcut=planted,
        overwrite=overwrite,
    )
    open_console().print(f"{count:,} films of {size} x {size} pixels: {folder}", markup=False)
