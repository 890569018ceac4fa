"""`tbspot selftest`: does this installation answer as the model was checked to?

Takes a model file; gives a verdict. All work is left to tbspot.export.selftest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tbspot.choices import Precision
from tbspot.cli.locate import Device
from tbspot.errors import TbspotError

__all__ = ["selftest"]


def selftest(
    *,
    model: Annotated[
        Path | None, typer.Option(help="ONNX file; by default the released model.")
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(
            help="auto: int8 if the model is made for it, or else bfloat16, where the CPU can."
        ),
    ] = "auto",
    device: Device = "cpu",
) -> None:
    """Compare this installation's answer to a drawn film with the stored reference.

    Exit code 1 if they differ.

    Example: tbspot selftest
    """
    from tbspot.console import open_console
    from tbspot.export.selftest import selftest as run

    result = run(model, precision, device)
    if not result.passed:
        raise TbspotError(
            f"{result.engine} does not give the reference's answer: {result.agreement.words()}; "
            "try --precision float32 or --device cpu, or install the package anew"
        )
    console = open_console()
    console.print(f"passed: {result.engine}; {result.agreement.words()}")
