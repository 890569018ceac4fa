from __future__ import annotations

from pathlib import Path

import pytest

from tbspot.audit import AuditSettings, audit
from tbspot.audit.page import write_page
from tbspot.audit.run import _chosen, _markers
from tbspot.drawings import Shortcut, draw_dataset
from tbspot.errors import TbspotError
from tbspot.records.audit import Audit
from tbspot.samples.loading import load


def test_as_many_films_of_every_source_and_label_are_chosen(drawn: Path) -> None:
    samples = load([str(drawn)]).samples
    chosen = [samples[place] for place in _chosen(samples, 3, seed=0)]
    assert sorted(sample.label for sample in chosen) == [0, 0, 0, 1, 1, 1]
    assert _chosen(samples, 3, seed=0) == _chosen(samples, 3, seed=0)
    assert len(_chosen(samples, 1000, seed=0)) == len(samples)


def test_planted_markers_are_found_where_they_were_drawn(tmp_path: Path) -> None:
    draw_dataset(tmp_path, count=12, size=64, shortcut=Shortcut("marker", strength=1.0))
    markers = _markers([str(tmp_path)])
    names = {path.name for path in markers}
    train = {one.path.name for one in load([str(tmp_path)]).samples if one.split == "train"}
    assert names & train == {name for name in train if name.startswith("tb")}
    assert all(x0 < x1 <= 64 and 0 <= y0 < y1 for x0, y0, x1, y1 in markers.values())


@pytest.mark.parametrize("source", ["{}", "{}/", "{}?lists=TBX11K", "{}/imgs/..", "{}/../drawn"])
def test_planted_markers_are_found_however_the_data_are_named(tmp_path: Path, source: str) -> None:
    folder = tmp_path / "drawn"
    draw_dataset(folder, count=12, size=64, shortcut=Shortcut("marker", strength=1.0))
    named = source.format(folder)
    assert _markers([named]) == _markers([str(folder)])
    assert _markers([named]).keys() & {one.path for one in load([named]).samples}


def test_data_without_planted_markers_have_none(drawn: Path) -> None:
    assert _markers([str(drawn), "absent"]) == {}


@pytest.mark.slow
def test_a_drawn_data_set_is_audited_from_files_to_page(
    drawn: Path, checkpoint: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    settings = AuditSettings((checkpoint,), (str(drawn),), "val", films=1, resamples=100)
    result = audit(settings, lambda done, films: told.append((done, films)))
    assert told[-1] == (12, 12)
    assert result.looked == 2
    assert Audit.model_validate_json(result.model_dump_json()) == result
    (answers,) = result.answers
    assert (answers.tb, answers.others) == (4, 8)
    assert result.field_holds.value is not None
    page = write_page(tmp_path, result).read_text("utf-8")
    assert answers.sentence in page
    assert "http:" not in page
    with pytest.raises(TbspotError, match="two of the models are the same"):
        audit(AuditSettings((checkpoint, checkpoint), (str(drawn),), "val"))
