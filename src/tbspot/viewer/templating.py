"""How pages are made from templates.

Takes a template's name and what it shows; gives HTML in which text from files is escaped. What
pages show is left to pages.py and takeaway.py.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from tbspot.pages import displayed

__all__ = ["render"]


def render(template: str, **shown: object) -> str:
    """The HTML of a template."""
    return _environment().get_template(template).render(shown)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tbspot.viewer"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=displayed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
