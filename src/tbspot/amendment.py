"""What was learnt of a model after its file was made: a few bytes beside it, not a new file.

Takes a model's path and what the file says of itself; gives the description to use. An amendment
is of one version of a model alone, and makes another version of it, as scores change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tbspot.description import Description
from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.parsing import first_fault, read_json

__all__ = ["Amendment", "amended", "amendment_path"]

WORDS = ("score_rule", "map_note")


class Amendment(BaseModel):
    """The whole of the file beside a model; what it does not name stays as the model's file has it.

    Attributes:
        format: version of this file's layout.
        amends: the version that the model's file says it has, a hash of its weights and settings.
        note: on which films it was chosen, and what it is worth.

    The others are those of `Description`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    amends: str = Field(min_length=1)
    note: str
    temperature: float | None = None
    mirror: bool | None = None
    score_threshold: float | None = None
    score_rule: str | None = None
    map_note: str | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """What it changes, by the names of `Description`."""
        return self.model_dump(exclude={"format", "amends", "note"}, exclude_none=True)


def amendment_path(model: Path) -> Path:
    """Where a model's amendment lies, if it has one.

    A checkpoint and the file exported from it may lie side by side, so theirs have other names.
    """
    beside = model.with_suffix("") if model.suffix == ".onnx" else model
    return beside.with_name(f"{beside.name}.amended.json")


def amended(model: Path, description: Description) -> Description:
    """The description of a model as amended; as the file has it where nothing lies beside it.

    Raises:
        TbspotError: the amendment cannot be read, or is of another version.
    """
    path = amendment_path(model)
    if not path.exists():
        return description
    change = read_json(path, Amendment, "an amendment of a model", "remove it")
    if change.amends != description.version:
        raise TbspotError(
            f"{path} amends version {change.amends}, and {model} is version "
            f"{description.version}; remove it, or put back the model that it belongs to"
        )
    changes = change.changes
    try:
        after = Description.model_validate(description.model_dump() | changes)
    except ValidationError as error:
        raise TbspotError(
            f"{path} is not an amendment of a model ({first_fault(error)}); remove it"
        ) from error
    # Words on a threshold make no other model.
    told = json.dumps({name: changes[name] for name in sorted(changes) if name not in WORDS})
    version = fingerprint(description.version.encode(), told.encode())
    return after.model_copy(update={"version": version})
