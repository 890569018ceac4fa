"""Everything that the pages show, in one place.

Takes what `tbspot view` was given; gives the case of an address. Requests are left to pages.py and
api.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.exceptions import HTTPException

from tbspot.viewer.cases import Case
from tbspot.viewer.drops import Drops
from tbspot.viewer.operating import Operating
from tbspot.viewer.runs import Run

__all__ = ["NUMBER", "Site"]

# As the pages write it: digits without end would be no number that Python takes.
NUMBER = re.compile("0|[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Site:
    """What the pages show.

    Attributes:
        run: to look at, if any.
        beside: another model's run of the same films, if any.
        drops: films dropped on the page; `None` where no model is at hand.
        why_no_drops: in words, then.
        operating: a calibration, if any.
        more: further places, with the case of a number there.
        readers: the threads that read films: each keeps a decoding process, and a film can be
            large.
    """

    run: Run | None
    beside: Run | None
    drops: Drops | None
    why_no_drops: str
    operating: Operating | None
    more: Mapping[str, Callable[[int], Case | None]] = field(default_factory=dict)
    readers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "readers"))

    def case(self, place: str, name: str) -> Case:
        """The case at an address: `film` and `beside` by number, `drop` by name.

        Raises:
            HTTPException: there is none.
        """
        case = self._find(place, name)
        if case is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such film")
        return case

    def _find(self, place: str, name: str) -> Case | None:
        if place == "drop":
            progress = self.drops.progress(name) if self.drops else None
            return progress.case if progress else None
        number = int(name) if NUMBER.fullmatch(name) else -1
        if place in self.more:
            return self.more[place](number)
        if self.run is None or not 0 <= number < len(self.run.rows):
            return None
        if place == "beside":
            prediction = self.run.rows[number].prediction
            return self.beside.case_of(prediction) if self.beside else None
        return self.run.case(number) if place == "film" else None

    def close(self) -> None:
        """End the threads and forget the dropped films."""
        self.readers.shutdown(cancel_futures=True)
        if self.drops is not None:
            self.drops.close()
