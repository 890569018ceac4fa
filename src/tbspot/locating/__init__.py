"""Films in, predictions out: each film's score, heat map and boxes, one line a film.

Takes paths or a data set and a model; gives `predictions.jsonl` with heat maps and overlays beside
it, and goes on where it was interrupted. How good the predictions are is left to evaluation.
"""

from tbspot.locating.inputs import Item, find_items, items_of
from tbspot.locating.predict import predict
from tbspot.locating.run import Counts, Settings, films_at_once, locate
from tbspot.maps.cutting import Cut, cut_of

__all__ = [
    "Counts",
    "Cut",
    "Item",
    "Settings",
    "cut_of",
    "films_at_once",
    "find_items",
    "items_of",
    "locate",
    "predict",
]
