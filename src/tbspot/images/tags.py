"""Optional tags of a DICOM header: what can be used of them, and what was set aside.

Takes a header, whose optional tags may hold anything; gives numbers, code words and items, and
names the tags that held none. What a tag means is left to who asks for it.
"""

from __future__ import annotations

import math
from typing import Any

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

__all__ = ["Tags"]

# No number, no word and no item.
UNREADABLE = b""


class Tags:
    """A header that is read with patience: what cannot be used is as good as absent.

    Args:
        header: the data set. Nothing that it holds is ever repeated in a sentence.

    Attributes:
        header: the same.
        corrections: what was done beyond following the tags, one sentence each.
        faults: the standard's titles of tags that were set aside.
    """

    def __init__(self, header: Dataset) -> None:
        self.header = header
        self.corrections: list[str] = []
        self.faults: list[str] = []

    def numbers(self, keyword: str) -> tuple[float | None, ...]:
        """A tag's finite numbers, `None` where a value is none; empty when the tag is absent."""
        value = self._value(keyword)
        if value is None:
            return ()
        found = tuple(_number(self._point(part, keyword)) for part in value)
        if all(number is None for number in found):
            self.set_aside(keyword)
        elif None in found:
            self.say(f"{dictionary_description(keyword)} holds a value that is no number")
        return found

    def number(self, keyword: str) -> float | None:
        """The first of a tag's numbers; further ones have no meaning where one is expected."""
        return next((number for number in self.numbers(keyword) if number is not None), None)

    def word(self, keyword: str) -> str:
        """A code (CS) in capitals; spaces at either end do not count (PS3.5 6.2). Empty if none."""
        return next(iter(self.words(keyword)), "")

    def words(self, keyword: str) -> list[str]:
        """A tag's codes, each as `word` gives it."""
        value = self._value(keyword) or []
        if all(isinstance(part, str) for part in value):
            return [part.strip(" \0").upper() for part in value]
        self.set_aside(keyword)
        return []

    def item(self, keyword: str) -> Dataset | None:
        """The first item of a sequence that holds anything."""
        value = self._value(keyword)
        if value is None:
            return None
        items = [item for item in value if isinstance(item, Dataset) and len(item)]
        if not items:
            self.set_aside(keyword)
        return items[0] if items else None

    def set_aside(self, *keywords: str) -> None:
        """Say that tags were not used, because what they hold is empty or absurd."""
        titles = [dictionary_description(keyword) for keyword in keywords]
        new = [title for title in titles if title not in self.faults]
        if new:
            self.faults += new
            self.say(f"{' and '.join(new)} unusable and set aside")

    def say(self, sentence: str) -> None:
        """Add a sentence, once, to what was done."""
        if sentence not in self.corrections:
            self.corrections.append(sentence)

    def _value(self, keyword: str) -> list[Any] | None:
        """A tag's values; `None` when it is absent, a list without any when nothing can be read."""
        if keyword not in self.header:
            return None
        try:
            value = self.header[keyword].value
        # A representation (VR) that does not exist: what follows cannot be trusted either.
        except NotImplementedError:
            raise
        # pydicom reads a value when it is first asked for, and may fail in any way.
        except Exception:
            return [UNREADABLE]
        if value is None:
            return []
        return [value] if isinstance(value, str | bytes | int | float) else list(value)

    def _point(self, value: Any, keyword: str) -> Any:
        """A number as text with a decimal point, also where a comma stands in its place."""
        if not isinstance(value, str) or value.count(",") != 1 or "." in value:
            return value
        self.say(f"a comma in {dictionary_description(keyword)} was read as the decimal point")
        return value.replace(",", ".")


def _number(value: Any) -> float | None:
    if isinstance(value, bytes):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
