"""What others may import. A change of the table is a decision: make it in the same commit."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import tbspot

LOCKED = {
    "tbspot.maps.boxes": {
        "SIDE",
        "SMALLEST_SHARE",
        "find_boxes",
        "find_regions",
        "mask_of",
        "normalise",
        "on_grid",
        "rectangle_mask",
        "threshold_of",
    },
    "tbspot.description": {
        "METADATA_KEY",
        "Description",
        "moved_threshold",
    },
    "tbspot.drawings": {
        "CLASSES",
        "DrawnFilm",
        "Shortcut",
        "Style",
        "draw_dataset",
        "draw_film",
    },
    "tbspot.engine.engine": {
        "Answer",
        "Engine",
        "engine_of",
        "open_engine",
        "released_model",
    },
    "tbspot.errors": {
        "DataError",
        "MissingExtraError",
        "ModelError",
        "OutOfMemoryError",
        "TbspotError",
        "UnreadableFilmError",
        "is_crowded",
        "is_out_of_memory",
        "refuse_unread",
        "told_as",
    },
    "tbspot.files": {"check_run", "fingerprint", "open_run", "write_json"},
    "tbspot.maps.evidence": {"Ask", "evidence_of", "observe"},
    "tbspot.images": {
        "SUFFIXES",
        "Facts",
        "Film",
        "Frame",
        "is_film",
        "read_pixels",
        "read_with_facts",
        "resize",
    },
    "tbspot.records.predictions": {
        "FILE_NAME",
        "PredictedBox",
        "Prediction",
        "Status",
        "TooLargeMapError",
        "read_heatmap",
        "read_predictions",
    },
    "tbspot.samples.sample": {"LesionKind", "Sample", "TruthBox"},
}

MODULES = [found.name for found in pkgutil.walk_packages(tbspot.__path__, "tbspot.")]


@pytest.mark.parametrize("module", sorted(LOCKED))
def test_the_public_names_of_an_interface_are_those_agreed(module: str) -> None:
    assert set(importlib.import_module(module).__all__) == LOCKED[module]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_of_a_module_is_there_and_named_once(module: str) -> None:
    imported = importlib.import_module(module)
    names = getattr(imported, "__all__", [])
    assert len(names) == len(set(names))
    assert not [name for name in names if not hasattr(imported, name)]
