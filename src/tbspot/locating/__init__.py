"""Films in, findings out: each film's score, heat map and boxes.

Takes paths, pixels or a data set, and a model; gives findings, or a folder with
`predictions.jsonl`, heat maps and overlays, and goes on where it was interrupted. How good they
are is left to evaluation.
"""

from tbspot.locating.finding import Finding
from tbspot.locating.inputs import Item, find_items, items_of
from tbspot.locating.model import Model, films_at_once, load_model
from tbspot.locating.run import Counts, locate
from tbspot.locating.settings import LocateSettings

__all__ = [
    "Counts",
    "Finding",
    "Item",
    "LocateSettings",
    "Model",
    "films_at_once",
    "find_items",
    "items_of",
    "load_model",
    "locate",
]
