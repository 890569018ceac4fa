"""The films of a run in the order and choice that a reader wants.

Takes predictions and truth; gives rows, filtered and sorted, and the address of a choice. Showing
them is left to pages.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypeVar, get_args
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from tbspot.records.predictions import Prediction
from tbspot.viewer.cases import Truth

__all__ = ["PAGE", "Order", "Query", "Row", "Show", "Status", "Worklist", "one_of"]

Order = Literal["highest", "lowest", "name", "boxes", "status"]
Show = Literal["all", "above", "below", "truth", "false alarms", "missed"]
Status = Literal["any", "ok", "refused", "failed"]
Choice = TypeVar("Choice")
PAGE = 50
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Row:
    """One film of the run.

    Attributes:
        number: its place in predictions.jsonl, from 0; what addresses call it.
        prediction: what the model says.
        truth: what the data set says, if it is known.
    """

    number: int
    prediction: Prediction
    truth: Truth | None = None

    @property
    def above(self) -> bool:
        """Whether the score reaches the threshold it was made with."""
        return bool(self.prediction.called)

    @property
    def outcome(self) -> Literal["false alarm", "missed", ""]:
        """How the score contradicts the truth, if it does."""
        if self.truth is None or self.prediction.status != "ok":
            return ""
        if self.above == bool(self.truth.label):
            return ""
        return "false alarm" if self.above else "missed"


@dataclass(frozen=True)
class Query:
    """What a reader asked for.

    Attributes:
        sort: order of the rows.
        show: which rows, by score and truth.
        status: which rows, by status.
        search: words that all stand in the film's name or the reason.
        page: from 1.
    """

    sort: Order = "highest"
    show: Show = "all"
    status: Status = "any"
    search: str = ""
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """Read the parameters of an address; a word that is not known means the usual."""
        page = given.get("page", "")
        return cls(
            sort=one_of(get_args(Order), given.get("sort")),
            show=one_of(get_args(Show), given.get("show")),
            status=one_of(get_args(Status), given.get("status")),
            search=given.get("search", "").strip()[:LONGEST_SEARCH],
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    def address(self, **changes: object) -> str:
        """The query, with changes, as parameters of an address; the usual is left out."""
        wanted = {field.name: getattr(self, field.name) for field in fields(self)} | changes
        usual = vars(type(self)())
        given = {name: value for name, value in wanted.items() if value != usual[name]}
        return f"?{urlencode(given)}" if given else ""


class Worklist:
    """The rows of a run, sorted every way and sifted every way once: 200,000 answer in 0.1 s.

    Args:
        rows: in the order of their numbers.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        places = range(len(rows))
        keys = {order: [key(row) for row in rows] for order, key in ORDERS.items()}
        self._orders = {
            order: np.array(sorted(places, key=key.__getitem__), np.intp)
            for order, key in keys.items()
        }
        self._shown = {
            show: np.array([fits(row) for row in rows], bool) for show, fits in CHOICES.items()
        }
        statuses = np.array([row.prediction.status for row in rows])
        self._of_status = {status: statuses == status for status in get_args(Status)}
        self._of_status["any"] = np.ones(len(rows), bool)
        said = (row.prediction for row in rows)
        self._texts = [f"{one.image} {one.reason or ''}".casefold() for one in said]
        self.has_truth = bool(self._shown["truth"].any())

    def select(self, query: Query) -> NDArray[np.intp]:
        """Places of the rows that fit, in order, of all pages."""
        order = self._orders[query.sort]
        fits = self._shown[query.show] & self._of_status[query.status]
        for word in query.search.casefold().split():
            fits &= np.fromiter((word in text for text in self._texts), bool, len(fits))
        found: NDArray[np.intp] = order[fits[order]]
        return found


def one_of(choices: Sequence[Choice], given: object) -> Choice:
    """What was given, where it is one of the choices; or else the first, the usual one."""
    return next((one for one in choices if one == given), choices[0])


def _score(row: Row) -> float:
    """For sorting: films without a score come after those that have one."""
    return -1.0 if row.prediction.score is None else row.prediction.score


CHOICES: Mapping[Show, Callable[[Row], bool]] = {
    "all": lambda _: True,
    "above": lambda row: row.above,
    "below": lambda row: row.prediction.status == "ok" and not row.above,
    "truth": lambda row: row.truth is not None,
    "false alarms": lambda row: row.outcome == "false alarm",
    "missed": lambda row: row.outcome == "missed",
}
ORDERS: Mapping[Order, Callable[[Row], Any]] = {
    "highest": lambda row: -_score(row),
    "lowest": lambda row: (row.prediction.score is None, _score(row)),
    "name": lambda row: row.prediction.image.casefold(),
    "boxes": lambda row: (-len(row.prediction.boxes), -_score(row)),
    "status": lambda row: ("failed", "refused", "ok").index(row.prediction.status),
}
