"""How pages are made from the templates in `templates/`.

Takes a template's name and what it shows; gives HTML in which text from files is escaped, and text
that is read from right to left turns nothing beside it. What pages show is left to report/,
calibration/, audit/ and viewer/.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tbspot.printable import printable
from tbspot.scores import shown_figure, shown_pixel, shown_score, shown_threshold
from tbspot.storage import replacing

__all__ = ["render", "write_page"]

# Letters of Hebrew, of Arabic and its kin, and Arabic numbers (Unicode, annex 9).
FROM_THE_RIGHT = ("R", "AL", "AN")


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


class _Bare(str):
    """Text of an attribute or title, where no element may stand."""

    __slots__ = ()


def _bare(value: Any) -> Any:
    return _Bare(value) if isinstance(value, str) else value


def _displayed(value: Any) -> Any:
    """What a template shows of a value: text without characters that turn or hide other text.

    Letters from the right turn the numbers behind them, so that 12-34 is read as 34-12; in an
    element of its own a text turns nothing.
    """
    if not isinstance(value, str):
        return value
    text = printable(value, "\n\t")
    if isinstance(value, Markup):
        return Markup(text)  # noqa: S704 - it was one
    if isinstance(value, _Bare) or not _is_from_the_right(text):
        return text
    return Markup('<bdi dir="ltr">{}</bdi>').format(text)


def _is_from_the_right(text: str) -> bool:
    if text.isascii():
        return False
    return any(unicodedata.bidirectional(one) in FROM_THE_RIGHT for one in text)


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
    made.filters["number"] = shown_figure
    made.filters["pixel"] = shown_pixel
    made.filters["score"] = shown_score
    made.filters["threshold"] = shown_threshold
    made.filters["bare"] = _bare
    return made
