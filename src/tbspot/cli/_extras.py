"""Commands that need more than the light installation.

Takes the name of an extra; gives, where a package is missing, the sentence that says how to get it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tbspot.errors import MissingExtraError

__all__ = ["needing"]


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Imports of packages that come with an extra of the installation.

    Raises:
        MissingExtraError: one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "tbspot").partition(".")[0]
        if package == "tbspot":
            raise
        raise MissingExtraError(
            f"this needs {package}; install it with `pip install 'tbspot[{extra}]'`"
        ) from error
