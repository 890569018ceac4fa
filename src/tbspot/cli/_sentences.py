"""Sentences of the library in the words of the command line.

Takes a sentence that names parameters between backticks, as Python has them; gives it with the
options that a user of the command types.
"""

from __future__ import annotations

import re

__all__ = ["as_options"]

# `overwrite=True`, `precision="float32"`, `map_threshold`; commands such as `tbspot locate` and
# `pip install ...` hold a space and stay.
PARAMETER = re.compile(r"""`([a-z][a-z0-9_]*)(?:=(?:(True)|["']?([^`\s"']+)["']?))?`""")


def as_options(sentence: str) -> str:
    """`overwrite=True` as --overwrite, `map_threshold` as --map-threshold."""
    return PARAMETER.sub(_option, sentence)


def _option(found: re.Match[str]) -> str:
    name, _, value = found.groups()
    option = "--" + name.replace("_", "-")
    return f"{option} {value}" if value else option
