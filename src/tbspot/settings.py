"""Numbers and choices that settings may hold, refused where the settings are made.

Takes a dataclass whose fields are of the types below or of choices.py; gives nothing, or one
sentence. So a caller of the library is told what the command line tells by its own ranges.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from tbspot.errors import TbspotError

__all__ = ["Amount", "Chance", "Count", "Days", "Pause", "Port", "Seed", "Settings", "Whole"]

Count = Annotated[int, Field(strict=True, ge=0)]
Whole = Annotated[int, Field(strict=True, ge=1)]
# What torch's generators take; numpy's take any that is not below 0.
Seed = Annotated[int, Field(strict=True, ge=0, lt=1 << 63)]
Port = Annotated[int, Field(strict=True, ge=0, lt=1 << 16)]
Chance = Annotated[float, Field(strict=True, ge=0, le=1)]
# Of a weight, a rate, a change or a time.
Amount = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
# Seconds between two tries: without any, they would never pause.
Pause = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
# As many as a date may have passed: a million is before the first.
Days = Annotated[float, Field(strict=True, ge=0, le=100_000)]


class Settings:
    """What frozen dataclasses inherit whose values are looked at when they are made.

    Of fields of other types than numbers above and choices nothing is said.
    """

    def __post_init__(self) -> None:
        """Refuse values that the types of the fields do not have.

        Raises:
            TbspotError: a field has such a value; the sentence names it.
        """
        own: Any = self
        kinds = get_type_hints(type(own), include_extras=True)
        for one in fields(own):
            _check(one.name, kinds[one.name], getattr(own, one.name))


def _check(name: str, kind: Any, value: object) -> None:
    limits = [part for part in _parts(kind) if get_origin(part) in (Literal, Annotated)]
    # `None` where it may be: its meaning is said with the field.
    if not limits or (value is None and type(None) in get_args(kind)):
        return
    (limit,) = limits
    if get_origin(limit) is Literal and value not in get_args(limit):
        choices = ", ".join(map(str, get_args(limit)))
        raise TbspotError(f"`{name}` must be one of {choices}, not {value}")
    try:
        TypeAdapter(limit).validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise TbspotError(f"`{name}` must be {fault}, not {value}") from error


def _parts(kind: Any) -> tuple[Any, ...]:
    """A type, or those of which it is a union with `None`."""
    parts = get_args(kind)
    return parts if type(None) in parts else (kind,)
