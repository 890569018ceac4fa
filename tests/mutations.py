"""Broken copies of sound files: bytes changed, dropped, repeated; JSON with a part replaced.

Takes a file's content and a generator of random numbers; gives another content. For the long runs
by hand, `TBSPOT_ATTACK` multiplies how many are tried.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import numpy as np

__all__ = ["TIMES", "broken", "broken_json", "broken_table"]

# 1 in CI; docs/security.md says which figures belong to which factor.
TIMES = int(os.environ.get("TBSPOT_ATTACK", "1"))
HEADER = 700  # bytes, where most of the harm is done
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2, 10**9, 10**18, -(10**18), 0.5, -0.5, 1e-300, 1e29, "", "x" * 5000,
    "../../etc/passwd", "/etc/passwd", "\0", "\x1b[31m", "a/b", "<script>", "{{ 7 * 7 }}", "%s%n",
    [], {}, [None], [[]], {"": None}, [1, 2, 3, 4], "NaN", "heatmaps", ".", "..", "\u202e",
)  # fmt: skip
CELLS = (
    "", "0", "1", "-1", "1e999", "nan", "x" * 3000, '"', ",", "\n", "\r\n", "\0", "../x", ".",
    "[[1,2,3,4]]", "[[1,1,1,1]]", "[" * 500, "=1+1", "\x1b[31m", "tb", "\ufeff", "'", "9" * 500,
)  # fmt: skip


def broken(content: bytes, random: np.random.Generator) -> bytes:
    """The content with a few bytes changed, dropped, repeated, or its end cut off."""
    data = bytearray(content)
    for _ in range(random.integers(1, 6)):
        end = len(data) if random.random() < 0.5 else min(len(data), HEADER)
        at = int(random.integers(0, max(end, 1)))
        length = int(random.integers(1, 9))
        match random.integers(0, 6):
            case 0:
                data[at : at + 1] = bytes([int(random.integers(0, 256))])
            case 1:
                data[at : at + length] = b"\xff" * length
            case 2:
                data[at : at + length] = b"\0" * length
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                data[at : at + 4] = int(random.integers(0, 2**32)).to_bytes(4, "little")
            case _:
                del data[at : at + length if random.random() < 0.8 else len(data)]
    return bytes(data)


def broken_json(content: bytes, random: np.random.Generator) -> bytes:
    """JSON in which one to three parts are replaced, dropped or repeated; or broken bytes of it."""
    if random.random() < 0.2:
        return broken(content, random)
    found = copy.deepcopy(json.loads(content))
    for _ in range(random.integers(1, 4)):
        places = list(_places(found))
        if not places:
            break
        parent, key = places[int(random.integers(0, len(places)))]
        match random.integers(0, 4):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, list):
                parent.extend(parent[:1] * int(random.integers(1, 50)))
            case _:
                parent[key] = HOSTILE[int(random.integers(0, len(HOSTILE)))]
    return json.dumps(found).encode()


def broken_table(content: bytes, random: np.random.Generator) -> bytes:
    """A table in which some cells are replaced, or broken bytes of it."""
    if random.random() < 0.3:
        return broken(content, random)
    lines = [line.split(b",") for line in content.splitlines()]
    for _ in range(random.integers(1, 4)):
        cells = lines[int(random.integers(0, len(lines)))]
        cell = CELLS[int(random.integers(0, len(CELLS)))].encode()
        cells[int(random.integers(0, len(cells)))] = cell
        if random.random() < 0.1:
            cells.append(cell)
    return b"\n".join(b",".join(cells) for cells in lines) + b"\n"


def _places(found: Any) -> Any:
    """Every part of JSON, as what holds it and its key there."""
    items = found.items() if isinstance(found, dict) else enumerate(found)
    for key, part in items:
        yield found, key
        if isinstance(part, dict | list):
            yield from _places(part)
