"""Pages: text that is read from right to left turns nothing that stands beside it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from markupsafe import Markup

from tbspot.html import templating
from tbspot.html.templating import render

TEMPLATES = sorted((Path(templating.__file__).parent / "templates").iterdir())
# Seen or spoken as they are, so that an element in them would be read as text.
READ = {"title", "alt", "aria-label", "placeholder"}
HEBREW = "\u05e9\u05e8\u05d5\u05df"
ARABIC = "\u0646\u0632\u0627\u0631"


class _Values(HTMLParser):
    """The expressions of a template that stand where no element may."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title"
        for name, value in attrs:
            if name in READ or value == "{{ query.search }}":
                self.found += re.findall(r"\{\{(.*?)\}\}", value or "")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.found += re.findall(r"\{\{(.*?)\}\}", data)


def _shown(template: str, **values: object) -> str:
    return templating._environment().from_string(template).render(values)


@pytest.mark.parametrize("name", [HEBREW, ARABIC, f"Doe={HEBREW}", "\u0661\u0662", "\u07ca"])
def test_a_text_from_the_right_stands_in_an_element_of_its_own(name: str) -> None:
    assert _shown("{{ name }}, {{ number }}", name=name, number="12-34-567") == (
        f'<bdi dir="ltr">{name}</bdi>, 12-34-567'
    )
    assert _shown("{{ names|join(', ') }}", names=[name, "1"]) == (
        f'<bdi dir="ltr">{name}, 1</bdi>'
    )


def test_what_stands_in_it_is_escaped_and_turns_nothing_by_signs_of_its_own() -> None:
    said = _shown("{{ name }}", name=f"<b>{HEBREW}</bdi>\u202e")
    assert said == f'<bdi dir="ltr">&lt;b&gt;{HEBREW}&lt;/bdi&gt;\ufffd</bdi>'


@pytest.mark.parametrize("name", ["Doe, Jane", "Ωmega", "王小東", "", 12.5, None, Markup("<p>")])
def test_other_text_and_parts_of_pages_stay_as_they_are(name: object) -> None:
    assert _shown("{{ name }}", name=name) == str(name)


def test_an_attribute_has_the_text_alone() -> None:
    assert _shown('<p title="{{ name|bare }}">', name=f'"{HEBREW}') == f'<p title="&#34;{HEBREW}">'
    assert _shown("{{ count|bare }}", count=3) == "3"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_attribute_or_title_holds_an_element(template: Path) -> None:
    text = template.read_text("utf-8")
    # Of which base.html makes its title.
    text = re.sub(r"\{% block title %\}(.*?)\{% endblock %\}", r"<title>\1</title>", text)
    source = re.sub(r"\{#.*?#\}|\{%-? .*?-?%\}", "", text, flags=re.DOTALL)
    # Within an expression, quotes and signs are not the page's.
    said = re.sub(
        r"\{\{.*?\}\}", lambda one: re.sub(r"[\"'<>]", "", one[0]), source, flags=re.DOTALL
    )
    values = _Values()
    values.feed(said)
    assert [one for one in values.found if not one.strip(" -").endswith("|bare")] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_goes_past_the_one_way_by_which_text_is_shown(template: Path) -> None:
    assert not re.search(r"\|\s*(safe|e|escape|forceescape)\b", template.read_text("utf-8"))


def test_the_number_behind_a_name_is_not_turned_on_a_nodes_film() -> None:
    film = SimpleNamespace(
        identity=SimpleNamespace(accession="A-1", patient="12-34-567"), name=ARABIC, score="",
        above=False, called="", prediction=None, status="located", located=None, source="UNIT",
        received=SimpleNamespace(strftime=lambda _: "now"),
    )  # fmt: skip
    said = render("node_about.html", of_film=film, has_identities=True)
    assert f'<dd><bdi dir="ltr">{ARABIC}</bdi>, 12-34-567</dd>' in said
