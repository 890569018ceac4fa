"""How pages are made from the templates in `templates/`.

Takes a template's name and what it shows; gives HTML in which text from files is escaped. What
pages show is left to report/, calibration/, audit/ and viewer/.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tbspot.printable import printable
from tbspot.scores import shown_score
from tbspot.storage import replacing

__all__ = ["render", "write_page"]


def render(template: str, **shown: object) -> str:
    """The HTML of a template; what it names and is not given is an error."""
    return _environment().get_template(template).render(shown)


def write_page(path: Path, template: str, **shown: object) -> None:
    """Write a page that opens offline and runs nothing, whole or not at all.

    Raises:
        TbspotError: it cannot be written.
    """
    page = render(template, **shown)
    with replacing(path) as temporary:
        temporary.write_text(page, "utf-8")


def _displayed(value: Any) -> Any:
    """What a template shows of a value: text without characters that turn or hide other text."""
    return type(value)(printable(value, "\n\t")) if isinstance(value, str) else value


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("tbspot.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_displayed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["score"] = shown_score
    return made
