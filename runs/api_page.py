"""Writes docs/api.md from the docstrings of what `import tbspot` offers: `python runs/api_page.py`.

A test holds the page to the docstrings, so that neither is forgotten.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import tbspot
from tbspot.description import Description
from tbspot.images import Facts
from tbspot.images.film import Seen
from tbspot.records import evaluation, figures
from tbspot.records.predictions import PredictedBox, Prediction

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
HEAD = """# API

For engineers who call tbspot from Python: every public name, made from the docstrings by
`python runs/api_page.py`. Examples by task are in [Python](python.md); what findings, models and
evaluations hold stands [at the end](#records).
"""
RECORDS_HEAD = """## Records

What comes with findings, films, models and evaluations, and is not imported by name. All but
`Facts` and `Seen` are pydantic models: `model_dump()` makes a dict, `model_dump_json()` JSON.
"""
RECORDS = (
    Prediction,
    PredictedBox,
    Facts,
    Seen,
    Description,
    evaluation.Contender,
    evaluation.Localization,
    evaluation.RuleResult,
    evaluation.Stratum,
    evaluation.Classification,
    evaluation.SourceFigures,
    figures.Figure,
    figures.Difference,
    evaluation.FilmResult,
    evaluation.Curve,
    evaluation.Limit,
    evaluation.Provenance,
)


def page() -> str:
    """The whole page."""
    names = [name for name in tbspot.__all__ if not name.startswith("_")]
    own = (_of(name, getattr(tbspot, name), "##") for name in names)
    records = (f"### {one.__name__}\n\n```text\n{inspect.getdoc(one)}\n```\n" for one in RECORDS)
    return "\n".join([HEAD, *own, RECORDS_HEAD, *records])


def _of(name: str, thing: Any, heading: str) -> str:
    """One name: how it is called, and what its docstring says."""
    parts = [f"{heading} {name}\n"]
    if callable(thing) and not _is_error(thing):
        parts.append(f"```python\n{_call(name, thing)}\n```\n")
    parts.append(f"```text\n{inspect.getdoc(thing)}\n```\n")
    if inspect.isclass(thing):
        parts += [_of(f"{name}.{own}", member, "###") for own, member in _members(thing)]
    return "\n".join(parts)


def _call(name: str, thing: Any) -> str:
    """The signature, an argument a line where there are several."""
    known = inspect.signature(thing).parameters.values()
    parameters = [one for one in known if one.name != "self" and not one.name.startswith("_")]
    arguments = [str(one).replace("'", "") for one in parameters]
    named = [one.kind is one.KEYWORD_ONLY for one in parameters]
    if True in named:
        arguments.insert(named.index(True), "*")
    joined = ", ".join(arguments)
    return f"{name}({joined})" if len(joined) < 70 else f"{name}(\n    " + ",\n    ".join(
        arguments
    ) + ",\n)"  # fmt: skip


def _members(thing: type) -> list[tuple[str, Any]]:
    own = [(name, member) for name, member in vars(thing).items() if not name.startswith("_")]
    kinds = (property, type(lambda: None))
    return [(name, member) for name, member in own if isinstance(member, kinds)]


def _is_error(thing: Any) -> bool:
    return inspect.isclass(thing) and issubclass(thing, Exception)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
