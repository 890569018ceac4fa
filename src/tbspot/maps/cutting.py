"""How boxes are cut from a map: the model's own rule, or another that is asked for.

Takes a description and options; gives a rule and its value. Cutting is left to boxes.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import get_args

from tbspot.choices import MapRule
from tbspot.description import Description
from tbspot.errors import TbspotError

__all__ = ["Cut", "cut_of"]


@dataclass(frozen=True)
class Cut:
    """A rule and the share it needs: of the maximum (`tuned`) or of the area (`quantile`)."""

    rule: MapRule
    value: float | None


def cut_of(
    description: Description, rule: MapRule | None = None, value: float | None = None
) -> Cut:
    """The cut to use: what is asked for, else what the model carries.

    Args:
        description: of the model.
        rule: `None` = the model's.
        value: the rule's share in (0, 1); `None` = the one that the model carries for that rule.

    Raises:
        TbspotError: there is no such rule or share; the rule needs a share, and neither the options
            nor the model has one; or it takes none.
    """
    rule = description.map_rule if rule is None else rule
    if rule not in get_args(MapRule):
        rules = ", ".join(get_args(MapRule))
        raise TbspotError(f"there is no `map_rule` {rule!r}; use one of {rules}")
    if value is not None and not (isinstance(value, Real) and 0 < value < 1):
        raise TbspotError(f"{value} is no share; give `map_threshold` between 0 and 1, such as 0.4")
    if rule == "otsu" and value is not None:
        raise TbspotError(
            "the rule otsu finds each film's threshold itself; leave out `map_threshold`, or use "
            '`map_rule="tuned"`'
        )
    if rule == "otsu":
        return Cut(rule, None)
    if value is None and rule == description.map_rule:
        value = description.map_threshold
    if value is None and rule == "quantile":
        value = description.area_share
    if value is None:
        raise TbspotError(
            f"the rule {rule} needs a share between 0 and 1, which model {description.name} does "
            "not carry; give `map_threshold`"
        )
    return Cut(rule, value)
