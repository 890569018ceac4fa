from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from studies import Study
from tbspot.errors import TbspotError
from tbspot.records.evaluation import Evaluation
from tbspot.records.figures import Figure
from tbspot.report import write_report
from tbspot.report.page import render

VOID = {"meta", "img", "input", "br"}


class Page(HTMLParser):
    """What a page holds; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data


@pytest.fixture(scope="module")
def text(study: Study, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "report.html"
    write_report(folder, out, [study.source])
    return out.read_text("utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_page_is_well_formed_and_in_english(page: Page) -> None:
    assert ("html", {"lang": "en"}) in page.tags


def test_it_says_twice_that_it_is_no_diagnosis(page: Page) -> None:
    assert page.words.count("Research use only. Not a medical device, not a diagnosis.") == 2


def test_it_loads_nothing_and_runs_nothing(text: str, page: Page) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        address = attributes.get("src") or attributes.get("href") or "data:"
        assert address.startswith("data:"), address
    assert "url(" not in text
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'")


def test_the_name_of_a_film_stays_text(text: str, page: Page) -> None:
    assert "<img src=x" not in text
    assert "<img src=x onerror=alert(1)>.png" in page.words


def test_every_row_stands_in_the_table_with_its_interval(
    page: Page, evaluation: Evaluation
) -> None:
    words = " ".join(page.words.split())
    for row in evaluation.contenders:
        assert row.name in words
        assert row.localization.miou.words() in words
        if row.difference is not None:
            assert row.difference.words() in words


def test_rows_of_which_it_is_not_known_what_they_were_trained_on_have_their_own_mark(
    evaluation: Evaluation, folder: Path
) -> None:
    judged, *others = evaluation.contenders
    foreign = judged.model_copy(update={"uses_boxes": None})
    words = render(folder, evaluation.model_copy(update={"contenders": (foreign, *others)}), ())
    assert 'title="what it was trained on is not known">†</span>' in words
    text = " ".join(words.split())
    assert "Of tbspot's own models, and of the controls, all other rows know image labels" in text


def test_figures_of_boxes_say_that_no_film_without_tb_counts(page: Page) -> None:
    words = " ".join(page.words.split())
    assert "found with 0.5 false boxes a film, on films with TB alone" in words


def test_a_figure_that_is_alike_on_every_film_says_that_it_has_no_interval(page: Page) -> None:
    assert "all black 0.000 no interval" in " ".join(page.words.split())


def test_undefined_figures_give_their_reasons(page: Page) -> None:
    words = " ".join(page.words.split())
    assert "energy inside: every map is blank (all black)" in words
    assert "no film has two boxes or more" in words
    assert "nan" not in words.lower().split()


def test_a_reason_is_beneath_the_table_and_no_cell_is_as_wide_as_it(
    text: str, evaluation: Evaluation
) -> None:
    judged = evaluation.contenders[0]
    assert judged.classification is not None
    (source,) = judged.classification.sources
    table, beneath = text.split('aria-label="Table of classification">')[1].split("</table>")[:2]
    assert f'<th scope="row">{source.source}</th><td>{judged.name}</td>' in table
    assert "too few or too much alike" not in re.sub(r'title="[^"]*"', "", table)
    assert "Why some figures" in beneath.split("</section>")[0]


def test_figures_of_parts_say_what_they_are(page: Page) -> None:
    assert "Mean IoU on the films of each part" in " ".join(page.words.split())


def test_a_chart_alone_is_no_wider_than_beside_others(text: str) -> None:
    assert "repeat(auto-fill, minmax(min(20rem, 100%), 1fr))" in text


def test_a_low_threshold_and_each_figure_of_a_source_stand_on_the_page_by_themselves(
    evaluation: Evaluation, folder: Path
) -> None:
    judged, *others = evaluation.contenders
    assert judged.classification is not None
    (source,) = judged.classification.sources
    nothing = Figure(value=None, films=12, reason="it is not known")
    precision = Figure(value=0.4321, films=12)
    named = source.model_copy(update={"auroc": nothing, "average_precision": precision})
    rules = [one.model_copy(update={"value": 0.00041}) for one in judged.localization.rules]
    judged = judged.model_copy(
        update={
            "classification": judged.classification.model_copy(update={"sources": (named,)}),
            "localization": judged.localization.model_copy(update={"rules": tuple(rules)}),
        }
    )
    changed = evaluation.model_copy(update={"contenders": (judged, *others)})
    words = " ".join(Page(render(folder, changed, [])).words.split())
    assert "undefined0.432" in words
    assert f"AUROC of {source.source} ({judged.name}): undefined, as it is not known" in words
    assert "0.00041" in words


def test_settings_and_provenance_are_on_the_page(page: Page, evaluation: Evaluation) -> None:
    settings = evaluation.provenance
    for text in (settings.truth, settings.data[0], "200 samples, seed 0", "version 1"):
        assert text in page.words


def test_films_maps_and_boxes_are_inside_the_page(page: Page) -> None:
    images = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    films = [uri for uri in images if uri.startswith("data:image/jpeg;base64,")]
    maps = [uri for uri in images if uri.startswith("data:image/png;base64,")]
    cases = [1 for tag, attributes in page.tags if attributes.get("class") == "case"]
    assert len(films) == len(cases) > 5
    assert len(maps) == len(cases) + 1  # the legend
    shapes = {attributes.get("style") for tag, attributes in page.tags if tag == "div"}
    assert "aspect-ratio: 320 / 160" in shapes
    assert any(attributes.get("class") == "truth" for _, attributes in page.tags)
    assert any(attributes.get("class") == "found" for _, attributes in page.tags)


def test_without_the_data_maps_and_boxes_are_shown_alone(folder: Path, tmp_path: Path) -> None:
    write_report(folder, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert "The films themselves are not at hand" in page.words
    kinds = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert all(uri.startswith("data:image/png") for uri in kinds)
    assert len(kinds) > 5


def test_a_film_that_cannot_be_read_leaves_its_place_empty(
    study: Study, folder: Path, tmp_path: Path
) -> None:
    # The film without TB that scores highest is among the false alarms.
    source, film = study.source, study.folder / "films" / "no3.png"
    kept = film.read_bytes()
    film.write_bytes(b"no film")
    try:
        write_report(folder, tmp_path / "report.html", [source])
    finally:
        film.write_bytes(kept)
    assert "This film cannot be shown." in (tmp_path / "report.html").read_text("utf-8")


def test_the_same_evaluation_gives_the_same_page(
    study: Study, folder: Path, text: str, tmp_path: Path
) -> None:
    write_report(folder, tmp_path / "again.html", [study.source])
    assert (tmp_path / "again.html").read_text("utf-8") == text


def test_a_folder_without_an_evaluation_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="make one with `tbspot evaluate`"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("other", ["box_ap", "froc", "strata", "low", "limits"])
def test_an_edited_evaluation_is_told_and_breaks_no_table(
    evaluation: Evaluation, tmp_path: Path, other: str
) -> None:
    edited = evaluation.model_dump(mode="json")
    places = edited["contenders"][1]["localization"]
    if other == "low":
        places["hit"]["high"], places["hit"]["low"] = None, 0.1
    elif other == "limits":
        edited["limits"][1]["parts"].pop()
    elif other == "strata":
        places["strata"].pop()
    else:
        places[other].popitem()
    (tmp_path / "evaluation.json").write_text(json.dumps(edited), "utf-8")
    with pytest.raises(TbspotError, match="is not an evaluation of this version"):
        write_report(tmp_path, tmp_path / "report.html")
