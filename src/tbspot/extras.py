"""Packages that come with an extra of the installation, and the sentence where one is missing.

Takes what needs them and the extra's name; gives, where a package is missing, how to get it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tbspot.errors import MissingExtraError

__all__ = ["missing", "needing"]


@contextmanager
def needing(extra: str, needer: str = "this", instead: str = "") -> Iterator[None]:
    """Imports of packages that come with an extra.

    Args:
        extra: its name.
        needer: what needs it, as a sentence begins.
        instead: what else could be done.

    Raises:
        MissingExtraError: one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "tbspot").partition(".")[0]
        if package == "tbspot":
            raise
        raise MissingExtraError(missing(package, extra, needer, instead)) from error


def missing(package: str, extra: str, needer: str = "this", instead: str = "") -> str:
    """What to say of a package that is missing."""
    said = f"{needer} needs {package}; install it with `pip install 'tbspot[{extra}]'`"
    return f"{said}, or {instead}" if instead else said
