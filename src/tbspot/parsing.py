"""JSON files as checked records: what a file must be, or one sentence about it.

Takes a path and a pydantic model; gives the record. What a record means is left to the modules
that define it; lists of predictions, read line by line, to records/predictions.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tbspot.errors import TbspotError

__all__ = ["first_fault", "read_json"]

Model = TypeVar("Model", bound=BaseModel)


def read_json(
    path: Path, model: type[Model], what: str, remedy: str = "check the path or replace the file"
) -> Model:
    """Read a JSON file as `model`.

    Args:
        path: of the file.
        model: that it must fit.
        what: the file should be, in words.
        remedy: what to do where it is not.

    Raises:
        TbspotError: the file cannot be read or is not `what`.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TbspotError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
    except ValidationError as error:
        raise TbspotError(f"{path} is not {what} ({first_fault(error)}); {remedy}") from error


def first_fault(error: ValidationError) -> str:
    """Where and why a validation failed first, in a few words."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else fault["msg"]
