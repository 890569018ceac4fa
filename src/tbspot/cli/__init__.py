"""The command line: one module a command, each thin.

Takes arguments; gives what the command prints and its exit code. Commands import what is heavy
when they run, so that `tbspot --help` answers at once.
"""

from __future__ import annotations

import typer

from tbspot.cli.audit import audit
from tbspot.cli.calibrate import calibrate
from tbspot.cli.distill import distill
from tbspot.cli.draw import draw
from tbspot.cli.evaluate import evaluate
from tbspot.cli.export import export
from tbspot.cli.locate import locate
from tbspot.cli.prepare import prepare
from tbspot.cli.report import report
from tbspot.cli.selftest import selftest
from tbspot.cli.send import send
from tbspot.cli.train import train
from tbspot.cli.view import view

__all__ = ["app"]

app = typer.Typer(
    name="tbspot",
    help="Find tuberculosis on a chest film, and show where, from image labels alone. "
    "Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _tbspot() -> None:
    """Keeps `tbspot COMMAND` the form of a call however many commands there are."""


app.command()(draw)
app.command()(prepare)
app.command()(train)
app.command()(distill)
app.command()(export)
app.command()(selftest)
app.command()(locate)
app.command()(send)
app.command()(evaluate)
app.command()(report)
app.command()(calibrate)
app.command()(audit)
app.command()(view)
