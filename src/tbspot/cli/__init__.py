"""The command line: one module a command, each thin.

Takes arguments; gives what the command prints and its exit code. Commands import what is heavy
when they run, so that `tbspot --help` answers at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tbspot.cli.audit import audit
from tbspot.cli.calibrate import calibrate
from tbspot.cli.distill import distill
from tbspot.cli.draw import draw
from tbspot.cli.evaluate import evaluate
from tbspot.cli.export import export
from tbspot.cli.locate import locate
from tbspot.cli.prepare import prepare
from tbspot.cli.refit import refit
from tbspot.cli.report import report
from tbspot.cli.selftest import selftest
from tbspot.cli.send import send
from tbspot.cli.serve import serve
from tbspot.cli.train import train
from tbspot.cli.view import view
from tbspot.printable import printable

__all__ = ["app"]


# What names films, but no path: of nothing it would mean the working folder, or all of them.
OF_FILMS = ("data", "sources", "into", "split", "tuning_split")


class _Commands(TyperGroup):
    """Complaints about arguments repeat them, and an archive's files may be called anything."""

    def make_context(self, *arguments: Any, **extra: Any) -> Any:
        """Parse the arguments before the command's name."""
        with _harmless_complaint():
            return super().make_context(*arguments, **extra)

    def invoke(self, context: Any) -> Any:
        """Parse the command's own arguments, and run it."""
        with _harmless_complaint():
            return super().invoke(context)


class _Command(TyperCommand):
    """Refuses what no option means, and what types and ranges let pass."""

    def make_context(self, *arguments: Any, **extra: Any) -> Any:
        """Parse the command's own arguments."""
        given_words = next((one for one in arguments if isinstance(one, list)), [])
        is_any_empty = any(word == "" or word.endswith("=") for word in given_words)
        context = super().make_context(*arguments, **extra)
        parameters: list[Any] = self.params
        for one in parameters:
            given = context.params.get(one.name)
            values = given if isinstance(given, list | tuple) else [given]
            if any(isinstance(value, float) and not math.isfinite(value) for value in values):
                raise typer.BadParameter("must be a finite number", context, one)
            # pathlib makes the working folder of it; a variable of the shell may be unset.
            nothing = (Path(), "") if one.name in OF_FILMS else (Path(),)
            if is_any_empty and any(value in nothing for value in values):
                raise typer.BadParameter("must not be empty", context, one)
        return context


@contextmanager
def _harmless_complaint() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            error.message = printable(message, "\n")  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="tbspot",
    cls=_Commands,
    help="Find tuberculosis on a chest film, and show where, from image labels alone. "
    "Research software, not a medical device.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _tbspot(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Say which tbspot, model and engine this is.")
    ] = False,
) -> None:
    if version:
        from tbspot.cli._version import version_lines
        from tbspot.console import open_console

        for line in version_lines():
            open_console().print(line)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Use the released model": (locate, view, send, serve, selftest),
    "Judge a model": (evaluate, report, calibrate, audit),
    "Make your own": (draw, prepare, train, distill, refit, export),
}
for title, commands in GROUPS.items():
    for command in commands:
        app.command(cls=_Command, rich_help_panel=title)(command)
