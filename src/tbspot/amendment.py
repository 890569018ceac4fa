"""What was learnt of a model after its file was made: a few bytes beside it, not a new file.

Takes a model's path and what the file says of itself; gives the description to use. An amendment
is of one version of a model alone, and makes another version of it, as scores change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tbspot.description import MOST_LOGIT, Description
from tbspot.errors import TbspotError
from tbspot.files import fingerprint
from tbspot.parsing import read_json

__all__ = ["Amendment", "amended", "amendment_path"]


class Amendment(BaseModel):
    """The whole of the file beside a model.

    Attributes:
        format: version of this file's layout.
        amends: the version that the model's file says it has, a hash of its weights and settings.
        temperature: takes the place of the file's (description.py).
        note: on which films it was chosen, and what it is worth.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    amends: str = Field(min_length=1)
    temperature: float = Field(ge=1 / MOST_LOGIT, le=MOST_LOGIT)
    note: str


def amendment_path(model: Path) -> Path:
    """Where a model's amendment lies, if it has one."""
    return model.with_suffix(".amended.json")


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
    version = fingerprint(description.version.encode(), repr(change.temperature).encode())
    return description.model_copy(update={"temperature": change.temperature, "version": version})
