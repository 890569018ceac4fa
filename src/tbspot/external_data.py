"""Whether an ONNX model keeps weights in other files, seen before any library reads it.

Takes an open file; says no more than that. ONNX lets a tensor name a file, which readers open
wherever it lies, and some a place in memory (its "external data"). The fields of a message are told
apart by protobuf's wire format alone, as the light installation has no `onnx`; their numbers are
those of onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import BinaryIO

from tbspot.errors import TbspotError

__all__ = ["refuse_external_data"]

# Of each message the fields that lead to tensors, and what they are.
LEADING = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
# Of a tensor; the second is 0 where its numbers are its own.
EXTERNAL_DATA, DATA_LOCATION = 13, 14
# Wire types: a number, 8 bytes, so many bytes as it says, 4 bytes.
NUMBER, EIGHT, SIZED, FOUR = 0, 1, 2, 5
# A hundred times what an exported model has.
MOST_FIELDS = 1_000_000


def refuse_external_data(file: BinaryIO, name: str) -> None:
    """See that all weights of an ONNX model are in its own file.

    Args:
        file: open for reading, on a disk.
        name: what sentences call it.

    Raises:
        TbspotError: a tensor, wherever it stands in the model, names another file.
        ValueError: it is no message of protobuf, or has fields without end.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        waiting, seen = [("model", 0, len(content))], 0
        while waiting:
            kind, start, end = waiting.pop()
            for number, value, length in _fields(content, start, end):
                seen += 1
                if seen > MOST_FIELDS:
                    raise ValueError("fields without end")
                elsewhere = number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0)
                if kind == "tensor" and elsewhere:
                    raise TbspotError(
                        f"{name} keeps weights in another file, which tbspot does not open; give "
                        "a file that `tbspot export` wrote"
                    )
                if length >= 0 and number in LEADING[kind]:
                    waiting.append((LEADING[kind][number], value, value + length))


def _fields(content: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, value and -1 of each field; of one that is sized its place and length."""
    while at < end:
        key, at = _varint(content, at, end)
        number, wire = key >> 3, key & 7
        if wire == NUMBER:
            value, at = _varint(content, at, end)
            yield number, value, -1
        elif wire == SIZED:
            length, at = _varint(content, at, end)
            yield number, at, length
            at += length
        elif wire in (EIGHT, FOUR):
            yield number, 0, -1
            at += 8 if wire == EIGHT else 4
        else:
            raise ValueError("a field of a kind that no ONNX model has")
    if at != end:
        raise ValueError("a field reaches beyond its message")


def _varint(content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and the place behind it."""
    for place in range(at, min(end, at + 10)):
        if content[place] < 128:
            number = sum((content[at + k] & 127) << 7 * k for k in range(place - at + 1))
            return number, place + 1
    raise ValueError("a number without end")
