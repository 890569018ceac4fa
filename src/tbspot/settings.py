"""Numbers and choices that settings may hold, refused where the settings are made.

Takes a dataclass whose fields are of the types below or of choices.py; gives nothing, or one
sentence. So a caller of the library is told what the command line tells by its own ranges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from numbers import Real
from operator import index
from os import PathLike, fsdecode
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from tbspot.choices import yes_or_no
from tbspot.errors import TbspotError
from tbspot.pathnames import as_given_path

__all__ = [
    "Amount", "Chance", "Count", "Days", "Pause", "Port", "Resamples", "Seed", "Settings", "Whole",
]  # fmt: skip


# Classes as sentences call them.
WORDS: dict[type, str] = {str: "a text", Path: "a path", Real: "a number", type(None): "None"}


def _as_int(value: Any) -> Any:
    """Python's own of a whole number of any library; anything else is refused later."""
    if isinstance(value, bool):
        return value
    try:
        return index(value)
    except TypeError:
        return value


def _as_float(value: object) -> object:
    """Python's own of a number of any library; anything else is refused later."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else value


_INT, _FLOAT = BeforeValidator(_as_int), BeforeValidator(_as_float)
Count = Annotated[int, Field(strict=True, ge=0), _INT]
Whole = Annotated[int, Field(strict=True, ge=1), _INT]
# Percentiles of fewer are the least and the greatest sample or two.
Resamples = Annotated[int, Field(strict=True, ge=100), _INT]
# What torch's generators take; numpy's take any that is not below 0.
Seed = Annotated[int, Field(strict=True, ge=0, lt=1 << 63), _INT]
Port = Annotated[int, Field(strict=True, ge=0, lt=1 << 16), _INT]
Chance = Annotated[float, Field(strict=True, ge=0, le=1), _FLOAT]
# Of a weight, a rate, a change or a time.
Amount = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False), _FLOAT]
# Seconds between two tries: without any, they would never pause.
Pause = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False), _FLOAT]
# As many as a date may have passed: a million is before the first.
Days = Annotated[float, Field(strict=True, ge=0, le=100_000), _FLOAT]


class Settings:
    """What frozen dataclasses inherit whose values are looked at when they are made.

    A number of another library, such as numpy's, is kept as Python's own, a list as a tuple, and a
    path as its field has it, as a path or as text.
    """

    def __post_init__(self) -> None:
        """Refuse values that the types of the fields do not have.

        Raises:
            TbspotError: a field has such a value; the sentence names it.
        """
        own: Any = self
        kinds = get_type_hints(type(own), include_extras=True)
        for one in fields(own):
            value = _checked(one.name, kinds[one.name], getattr(own, one.name))
            object.__setattr__(own, one.name, value)  # of a frozen one


def _checked(name: str, kind: Any, value: object) -> object:
    """The value of a field, as it is kept."""
    # `None` where it may be: its meaning is said with the field.
    if value is None and type(None) in get_args(kind):
        return value
    limits = [part for part in _parts(kind) if get_origin(part) in (Literal, Annotated)]
    if not limits:
        return _plain(name, _parts(kind), value)
    (limit,) = limits
    if get_origin(limit) is Literal and value not in get_args(limit):
        choices = ", ".join(map(str, get_args(limit)))
        raise TbspotError(f"`{name}` must be one of {choices}, not {value}")
    try:
        kept: object = TypeAdapter(limit).validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise TbspotError(f"`{name}` must be {fault}, not {value!r}") from error
    return kept


def _plain(name: str, kinds: tuple[Any, ...], value: object) -> object:
    """The value of a field without limits, as it is kept."""
    for kind in kinds:
        if get_origin(kind) is tuple:
            return _many(name, _parts(get_args(kind)[0]), value)
    if isinstance(value, str | PathLike):
        text = str.__str__(fsdecode(value))  # of an enumeration `str` says its member's name
        if Path in kinds:
            return as_given_path(text, name)
        if str in kinds:
            return text
    if bool in kinds:
        return yes_or_no(name, value)
    classes = tuple(Real if kind is float else kind for kind in kinds if isinstance(kind, type))
    if classes and not isinstance(value, classes):
        wanted = " or ".join(WORDS.get(one, f"a {one.__name__}") for one in classes)
        raise TbspotError(f"`{name}` must be {wanted}, not {value!r}")
    return value


def _many(name: str, kinds: tuple[Any, ...], value: object) -> object:
    """The values of a field of several; a text would be taken for its letters, each a value."""
    if isinstance(value, str | bytes | Path | None):
        raise TbspotError(f"`{name}` must be a tuple, such as ({value!r},), not {value!r}")
    if not isinstance(value, Iterable):
        raise TbspotError(f"`{name}` must be a tuple, not one {type(value).__name__}")
    return tuple(_plain(name, kinds, one) for one in value)


def _parts(kind: Any) -> tuple[Any, ...]:
    """A type, or those of which it is a union."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
