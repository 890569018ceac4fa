"""Bodies of several parts (RFC 2046 5.1), a part at a time, bounded in everything.

Takes a boundary and bytes as they arrive; gives each part when it is whole. The grammar is that of
python-multipart; what a part holds is left to storing.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from tbspot.viewer.bodies import TooLargeError

__all__ = ["MalformedError", "Part", "Parts"]

# Of one body: more are sent by another.
MOST_PARTS = 1000
# Of headers and boundaries, and of what stands before the first part and behind the last.
MOST_BESIDE = 1 << 20
# Of a part.
MOST_HEADERS = 20

# It says what was wrong with the bytes of a body, which may be a patient's.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL + 1)


class MalformedError(Exception):
    """A body is not of parts as its boundary says."""


@dataclass
class Part:
    """A part of a body: its media type in lower case, empty if it names none, and its content."""

    media_type: str = ""
    content: bytearray = field(default_factory=bytearray)


class Parts:
    """Parts of one body.

    Args:
        boundary: between them.
        most: bytes that a part may have.
        count: is told bytes that are held, and refuses them when there are too many.

    Attributes:
        ended: whether the last part has come.
    """

    def __init__(self, boundary: bytes, most: int, count: Callable[[int], None]) -> None:
        self.ended = False
        self._most, self._count = most, count
        self._whole: list[Part] = []
        self._open: Part | None = None
        self._parts = self._beside = 0
        self._name, self._value = bytearray(), bytearray()
        # A boundary begins a line; what comes before the first one is no part (RFC 2046 5.1.1).
        # Lines before it may end without a return: else the first film would be taken for a text.
        self._first, self._before = b"\n--" + boundary, bytearray(b"\n")
        self._begun = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin, "on_part_data": self._take,
                    "on_part_end": self._finish, "on_header_field": self._take_name,
                    "on_header_value": self._take_value, "on_header_end": self._end_header,
                    "on_end": self._end,
                },
                max_header_count=MOST_HEADERS,
            )  # fmt: skip
        except FormParserError as error:
            raise MalformedError from error

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are whole with these bytes; they are its taker's to give back.

        Raises:
            MalformedError: they are none.
            TooLargeError: one is larger than it may be, or there are too many.
        """
        self._beside += len(data)
        try:
            self._parser.write(data if self._begun else self._behind_preamble(data))
        except FormParserError as error:
            raise MalformedError from error
        if self._beside > MOST_BESIDE:
            raise MalformedError
        whole, self._whole = self._whole, []
        return whole

    def _behind_preamble(self, data: bytes) -> bytes:
        """The first boundary and what follows, once it has come; until then nothing."""
        self._before += data
        place = self._before.find(self._first)
        self._begun = place >= 0
        found = bytes(self._before[place:]) if self._begun else b""
        # As much as may be a boundary's begin.
        self._before = bytearray() if self._begun else self._before[1 - len(self._first) :]
        return found

    def give_back(self, part: Part) -> None:
        """Hold a part no longer."""
        self._count(-len(part.content))
        part.content = bytearray()

    def close(self) -> None:
        """Hold nothing any more, wherever the body ended."""
        for part in (*self._whole, *([self._open] if self._open else [])):
            self.give_back(part)
        self._whole, self._open = [], None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooLargeError
        self._open = Part()

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._open is None:
            raise MalformedError
        if len(self._open.content) + end - start > self._most:
            raise TooLargeError
        self._count(end - start)
        self._open.content += memoryview(data)[start:end]
        self._beside -= end - start

    def _finish(self) -> None:
        if self._open is not None:
            self._whole.append(self._open)
        self._open = None

    def _take_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._open is not None and self._name.lower() == b"content-type":
            media_type = self._value.partition(b";")[0].strip().lower()
            self._open.media_type = media_type.decode("latin-1")
        self._name, self._value = bytearray(), bytearray()

    def _end(self) -> None:
        self.ended = True
