"""Look-up tables of DICOM: modality, VOI and palette tables read in one way.

Takes a descriptor and data as a file holds them; gives the table, with the bits that its entries
really have. Where a table stands in the chain is left to grey.py and colour.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tbspot.images.tags import Tags

__all__ = ["Lut", "read_lut"]

# The descriptor's and the data's numbers are 16 bits wide whatever representation they came in.
WORD = 1 << 16
LEAST_BITS, MOST_BITS = 8, 16


@dataclass(frozen=True, eq=False)
class Lut:
    """A table: `entries` `uint16 [n]`, the first input that it maps, and the bits of an entry."""

    entries: NDArray[np.uint16]
    first: int
    bits: int

    @property
    def most(self) -> int:
        """The most that an entry can say; no entry is above it."""
        return int(2**self.bits - 1)

    def look_up(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Values through the table; those beyond it go to its ends (PS3.3 C.11.2.1.1)."""
        # Not in the values' own type, which may be too narrow for the difference.
        places = (values.astype(np.float32) - self.first).clip(0, len(self.entries) - 1)
        found: NDArray[np.float32] = self.entries.astype(np.float32)[
            np.rint(places).astype(np.intp)
        ]
        return found


def read_lut(
    table: Dataset,
    names: tuple[str, str],
    *,
    little: bool,
    signed: bool,
    tags: Tags,
    title: str,
    whole_bytes: bool = False,
) -> Lut | None:
    """A table, or `None` if it holds none; what its descriptor says wrongly is said in `tags`.

    Args:
        table: the data set that holds descriptor and data.
        names: the keywords of both.
        little: whether the file's words have their low byte first. 16-bit words of type OW have
            the file's order (PS3.5 7.3), those of US and SS were put right when they were read.
        signed: whether an input may be below 0; the descriptor's second number has 16 bits that
            are to be read accordingly (PS3.3 C.11.2.1.1), whatever its representation says.
        tags: where to say it.
        title: what to call the table.
        whole_bytes: whether entries can only have 8 or 16 bits, as those of palettes.
    """
    described = Tags(table).numbers(names[0])
    if len(described) < 2 or any(part is None for part in described[:2]):
        return None
    count, first = (int(part or 0) % WORD for part in described[:2])
    entries = _entries(table, names[1], count or WORD, little=little)
    if entries is None or len(entries) < 2:
        return None
    if signed and first >= WORD // 2:
        first -= WORD
    held = max(LEAST_BITS, int(entries.max()).bit_length())
    held = MOST_BITS if whole_bytes and held > LEAST_BITS else held
    if described[2:3] != (held,):
        tags.say(f"the {title} has entries of {held} bits, which its descriptor does not say")
    return Lut(entries, first, held)


def _entries(
    table: Dataset, keyword: str, count: int, *, little: bool
) -> NDArray[np.uint16] | None:
    """Entries `[<= count]`, as wide as the data has room for (PS3.3 C.7.6.3.1.5 and C.11.2.1.1)."""
    try:
        element = table[keyword]
        value, representation = element.value, element.VR
    except KeyError:
        return None
    # pydicom reads a value when it is first asked for, and may fail in any way.
    except (ValueError, TypeError, AttributeError):
        return None
    packed = range(count, count + 2)
    if isinstance(value, bytes) and representation == "OB" and len(value) in packed:
        return np.frombuffer(value, np.uint8)[:count].astype(np.uint16)
    words = _words(value, little=little)
    if words is None or 2 * len(words) not in packed:
        return None if words is None else words[:count]
    # Two entries of 8 bits a word, the first in its low byte (PS3.5 8.1.1 and annex D).
    return words.astype("<u2").view(np.uint8)[:count].astype(np.uint16)


def _words(value: Any, *, little: bool) -> NDArray[np.uint16] | None:
    if isinstance(value, bytes):
        whole = value[: len(value) // 2 * 2]
        return np.frombuffer(whole, "<u2" if little else ">u2").astype(np.uint16)
    try:
        numbers = np.atleast_1d(np.asarray(value, np.int64))
    except (TypeError, ValueError, OverflowError):
        return None
    # Entries are unsigned, though some files hold them in SS (PS3.3 C.11.1.1.1).
    return (numbers % WORD).astype(np.uint16)
