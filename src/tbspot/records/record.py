"""What every record of a judgement is: frozen, complete, without NaN.

Takes nothing; gives the base of the types beside it. What they hold is left to them.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Record"]


class Record(BaseModel):
    """A record whose fields are all named, cannot be changed, and hold finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
