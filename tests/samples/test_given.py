from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tbspot
from tbspot.errors import TbspotError
from tbspot.samples.given import checked
from tbspot.samples.loading import load
from tbspot.samples.reading import Reading
from tbspot.samples.sample import Sample, TruthBox

BOX = TruthBox(4, 2, 20, 10)


@pytest.fixture
def film(tmp_path: Path) -> Sample:
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(32 * 16, dtype=np.uint16).reshape(16, 32)).save(path)
    return Sample(path, "a.png", 1, "own", "Ann", boxes=(BOX,))


def test_what_a_caller_may_mean_becomes_what_our_readers_give(
    film: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Any = replace(film, boxes=[TruthBox(-0.5, 2, 20, 16.5)])
    monkeypatch.chdir(film.path.parent)
    for changes in (
        {"path": "a.png", "label": True, "patient": None, "split": None},
        {"path": Path("a.png"), "label": np.int64(1), "patient": "", "size": [32, 16]},
    ):
        (one,) = checked(Reading((replace(given, **changes),))).samples
        assert one == replace(film, patient="a", boxes=(TruthBox(0, 2, 20, 16),))
        assert (type(one.label), one.size) == (int, (32, 16))
    (numbered,) = checked(Reading((replace(given, patient=7),))).samples
    assert numbered.patient == "7"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label": 2}, "the film 'a.png' has the label 2, not 1"),
        ({"label": -1}, "the label -1"),
        ({"label": "1"}, "the label '1'"),
        ({"label": None}, "the label None"),
        ({"path": 3}, "the path 3"),
        ({"name": ""}, "the name ''"),
        ({"source": None}, "the source None"),
        ({"split": 1}, "the split 1"),
        ({"patient": float("nan")}, "the patient nan"),
        ({"size": (16, 32)}, "boxes for a film of 16 x 32 pixels"),
        ({"size": (32, 0)}, "give its width and height"),
        ({"boxes": ((4, 2, 20, 10),)}, "give each as a tbspot.TruthBox"),
        ({"boxes": iter((BOX,))}, "give each as a tbspot.TruthBox, in a tuple"),
        ({"boxes": (replace(BOX, x1=4),)}, "a box of zero size"),
        ({"boxes": (replace(BOX, x1=1),)}, "a box of zero size"),
        ({"boxes": (replace(BOX, x0=float("nan")),)}, "a box of zero size"),
        ({"boxes": (replace(BOX, x1=40),)}, "outside its image of 32 x 16 pixels"),
        ({"boxes": (TruthBox(0.1, 0.2, 0.4, 0.9),)}, "multiply them by its width and height"),
        ({"boxes": (replace(BOX, x0=None),)}, "whose corners are no numbers"),
        ({"boxes": (replace(BOX, kind="old"),)}, "use one of active, latent, uncertain"),
    ],
)
def test_a_film_that_would_be_judged_wrongly_is_refused(
    film: Sample, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TbspotError, match=sentence):
        load([Reading((replace(film, **changes),))])


def test_a_film_that_cannot_be_read_keeps_its_boxes(film: Sample) -> None:
    film.path.write_bytes(b"no film")
    assert checked(Reading((film,))).samples == (film,)
    assert checked(Reading((replace(film, boxes=()),))).samples[0].boxes == ()


def test_what_is_no_film_is_told_by_the_library(film: Sample) -> None:
    others: Any = ["a.png"]
    with pytest.raises(TypeError, match=r"'a\.png' is no film with its truth"):
        tbspot.evaluate(film.path.parent, others)


def test_who_judges_all_films_is_told_of_no_division(film: Sample) -> None:
    boxes = film.path.with_name("boxes.csv")
    boxes.write_text("image,x0,y0,x1,y1,score\na,4,2,20,10,0.9\n", "utf-8")
    judged = tbspot.evaluate(boxes, [film], resamples=100)
    assert judged.notes == ()
    assert judged.contenders[0].localization.miou.value == 1


def test_films_that_can_be_gone_through_once_are_kept(film: Sample) -> None:
    given: Any = (one for one in (film,))
    reading = Reading(given)
    assert str(reading) == str(Reading((film,)))
    assert len(load([reading]).samples) == len(load([reading]).samples) == 1


@pytest.mark.parametrize("boxes", [{BOX}, {"a": BOX}.values(), deque((BOX,))])
def test_boxes_in_any_collection_are_taken(film: Sample, boxes: Any) -> None:
    assert checked(Reading((replace(film, boxes=boxes),))).samples[0].boxes == (BOX,)
