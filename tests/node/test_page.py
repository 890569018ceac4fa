"""The page of a node, asked over HTTP: the list, a film, a slip, health, and who may ask."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nodes import SETTINGS, Told, a_page, posted, stow
from pages import Answer, Server
from tbspot.errors import TbspotError
from tbspot.node.ledger import FilmLine
from tbspot.node.service import Node, running
from tbspot.records.predictions import Prediction
from tbspot.viewer import node_films
from tbspot.viewer.guard import HEADERS
from tbspot.viewer.node_serving import page_of
from units import bright_model, send, study_film, wait_for

Start = Callable[..., Node]
# Of whose film it is (units.py, dicoms.py), of its study, and of where it was made.
SECRETS = ("PLANTED", "ACC-1", "3680043", "HOSPITAL")


def _node(tmp_path: Path, told: Told, **changes: Any) -> Any:
    return running(replace(SETTINGS, folder=tmp_path / "node", **changes), bright_model(), told)


def _asked(page: Server, **question: object) -> Answer:
    return page.ask("/films", "POST", json.dumps(question).encode())


def _rows(answer: Answer) -> list[int]:
    return [int(number) for number in re.findall(r'<tr id="film-(\d+)">', answer.text)]


@pytest.fixture(scope="module")
def located(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Server, Told]]:
    """A node with identities that has located films 1 and 2 and set 3 aside."""
    folder, told = tmp_path_factory.mktemp("page"), Told()
    with _node(folder, told, identities=True) as node, a_page(node) as page:
        broken = study_film(folder, 3, SeriesInstanceUID="")
        names = ("Doe^Jane", "Roe^Ωmega")
        films = [
            study_film(folder, number, PatientName=name, SpecificCharacterSet="ISO_IR 192")
            for number, name in enumerate(names, 1)
        ]
        send(node.receiver.port, *films, broken)
        wait_for(lambda: node.store.ledger.counts()["located"] == 2)
        wait_for(lambda: node.store.ledger.counts()["aside"] == 1)
        yield node, page, told


def _film(node: Node, number: int = 1) -> tuple[FilmLine, Prediction]:
    line = node.store.ledger.film(number)
    assert line is not None
    assert line.prediction is not None
    return line, Prediction.model_validate_json(line.prediction)


def test_the_list_says_score_answer_status_and_whose_film_it_is(
    located: tuple[Node, Server, Told],
) -> None:
    node, page, _ = located
    answer = page.ask("/")
    assert answer.status == 200
    assert _rows(answer) == [3, 2, 1]
    line, said = _film(node)
    assert said.score is not None
    row = answer.text.split('<tr id="film-1">')[1]
    assert f">{100 * said.score:.1f}</span>" in row
    for words in ("called TB", "located", "Doe, Jane", "ACC-1", "PLANTED-ID", "UNIT"):
        assert words in row, words
    assert 'href="/node/1"' in row
    assert "set aside: no results as DICOM: film 3 does not name its series" in answer.text
    assert line.file not in answer.text


@pytest.mark.parametrize(
    ("search", "numbers"),
    [("acc-2", [2]), ("doe jane", [1]), ("Doe, Jane", [1]), ("DOE^JANE", [1]), ("acc-3", [3]),
     ("ωmega", [2]), ("unit", [3, 2, 1]), ("3", [3]), ("series", [3]), ("%", []), ("nobody", [])],
)  # fmt: skip
def test_films_are_searched_by_barcode_name_and_what_the_list_says(
    located: tuple[Node, Server, Told], search: str, numbers: list[int]
) -> None:
    _, page, _ = located
    assert _rows(_asked(page, search=search)) == numbers


def test_a_search_in_the_address_is_not_listened_to(located: tuple[Node, Server, Told]) -> None:
    _, page, _ = located
    assert _rows(page.ask("/?search=nobody&order=oldest")) == [1, 2, 3]


def test_who_has_the_list_is_sent_nothing_until_it_changes(start: Start, tmp_path: Path) -> None:
    node = start()
    with a_page(node) as page:
        first = _asked(page)
        mark = first.headers["x-mark"]
        assert _asked(page, mark=mark).status == 204
        assert "No film has come yet" in first.text
        send(node.receiver.port, study_film(tmp_path))
        wait_for(lambda: node.store.ledger.counts()["located"] == 1)
        second = _asked(page, mark=mark)
        assert _rows(second) == [1]
        assert _asked(page, mark=second.headers["x-mark"]).status == 204


def test_a_film_has_picture_heat_map_and_boxes(located: tuple[Node, Server, Told]) -> None:
    node, page, _ = located
    _, said = _film(node)
    answer = page.ask("/node/1")
    assert answer.status == 200
    assert "<h1>film 1</h1>" in answer.text
    assert "Doe, Jane" in answer.text
    assert "--calibration" not in answer.text
    boxes = page.ask("/node/1/boxes").json()
    assert boxes == [box.model_dump() for box in said.boxes]
    assert page.ask("/node/1/pixels").headers["x-width"] == "96"
    for name in ("heatmap.png", "overlay.png", "picture.png"):
        Image.open(BytesIO(page.ask(f"/node/1/{name}").body)).verify()
    assert 'rel="prev" href="/node/2"' in answer.text
    assert 'rel="next"' not in answer.text


def test_a_slip_has_all_that_a_paper_needs(located: tuple[Node, Server, Told]) -> None:
    node, page, _ = located
    line, said = _film(node)
    text = page.ask("/node/1/slip").text
    assert said.score is not None
    assert said.threshold is not None
    for words in (
        f"{100 * said.score:.1f}</b> of 100", f"threshold {100 * said.threshold:.1f}",
        "Model bright, version v1", "Research use only, not a diagnosis", "Doe, Jane", "ACC-1",
        "/node/1/picture.png", "Received",
    ):  # fmt: skip
        assert words in text, words
    assert line.file not in text


def test_a_film_without_an_answer_has_a_page_and_no_slip(start: Start, tmp_path: Path) -> None:
    class Slow:
        description = bright_model().description

        def locate(self, *_: Any, **__: Any) -> Any:
            raise OSError("not now")

    node = start(Slow())
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: node.store.ledger.counts()["aside"] == 1)
    with a_page(node) as page:
        answer = page.ask("/node/1")
        assert "set aside" in answer.text
        assert page.ask("/node/1/slip").status == 404
        assert page.ask("/node/1/pixels").status == 404


def test_a_film_that_was_deleted_is_nowhere(start: Start, tmp_path: Path) -> None:
    node = start()
    send(node.receiver.port, study_film(tmp_path))
    wait_for(lambda: node.store.ledger.counts()["located"] == 1)
    with a_page(node) as page:
        assert page.ask("/node/1/thumbnail.png").status == 200
        (film,) = node.store.ledger.films(1)
        assert len(list((tmp_path / "node" / "maps").iterdir())) == 1
        node.store.forget(film)
        assert not list((tmp_path / "node" / "maps").iterdir())
        for path in ("", "/slip", "/thumbnail.png", "/picture.png", "/pixels", "/result.json"):
            assert page.ask(f"/node/1{path}").status == 404, path


def test_health_is_for_monitors_and_names_nobody(
    located: tuple[Node, Server, Told], start: Start
) -> None:
    _, page, _ = located
    answer = page.ask("/health")
    # A film was set aside, so that somebody should look.
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["films"] == {"received": 0, "located": 2, "delivered": 0, "aside": 1}
    assert not [secret for secret in (*SECRETS, "Doe", "Roe") if secret in answer.text]
    with a_page(start()) as other:
        assert other.ask("/health").status == 200
        assert other.ask("/health").json()["ok"] is True


def test_troubles_stand_above_the_list(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_films, "TROUBLES_SECONDS", 0.0)
    node = start()
    with a_page(node) as page:
        mark = _asked(page).headers["x-mark"]
        node._faults["watch"] = "the folder is gone"
        answer = _asked(page, mark=mark)
        assert "watch: the folder is gone" in answer.text


def _pages(number: int = 1) -> list[str]:
    film = f"/node/{number}"
    return ["/", "/health", film, f"{film}/slip", f"{film}/boxes", f"{film}/picture.png",
            f"{film}/result.json", f"{film}/report.html", f"{film}/overlay.png",
            f"{film}/heatmap.png", f"{film}/thumbnail.png", "/node/9", "/nothing"]  # fmt: skip


def test_without_identities_nothing_that_is_shown_told_or_kept_names_anybody(
    start: Start, tmp_path: Path, told: Told, capfd: pytest.CaptureFixture[str]
) -> None:
    node = start()
    films = [study_film(tmp_path, 1), study_film(tmp_path, 2, SeriesInstanceUID="")]
    with a_page(node) as page:
        stored = stow(page, posted(*films))
        assert stored.status == 200
        wait_for(lambda: node.store.ledger.counts()["located"] == 1)
        wait_for(lambda: node.store.ledger.counts()["aside"] == 1)
        answers = [page.ask(path) for number in (1, 2) for path in _pages(number)]
        answers += [_asked(page, search=secret) for secret in SECRETS]
        assert not [number for answer in answers[-len(SECRETS) :] for number in _rows(answer)]
        (
            stow(page, b"PLANTED"),
            stow(page, posted(b"PLANTED")),
            stow(page, posted(), "studies/ACC-1"),
        )
    node.close()
    shown = [answer.body + str(answer.headers).encode() for answer in answers]
    # What came and what is sent is the patient's own; all else is nobody's.
    own = [tmp_path / "node" / "films", tmp_path / "node" / "results"]
    kept = [path.read_bytes() + path.name.encode() for path in (tmp_path / "node").rglob("*")
            if path.is_file() and path.parent not in own]  # fmt: skip
    assert len(kept) >= 2
    said = "".join(capfd.readouterr()) + str(list(told))
    for secret in SECRETS:
        assert secret not in said
        assert not [text for text in shown + kept if secret.encode() in text]


def test_with_identities_names_are_on_the_list_a_film_and_its_slip_alone(
    located: tuple[Node, Server, Told],
) -> None:
    _, page, told = located
    named = [path for path in _pages() if b"Doe, Jane" in page.ask(path).body]
    assert named == ["/", "/node/1", "/node/1/slip"]
    assert "Doe" not in str(list(told))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'"x"', b"null", b"[" * 4000, b'{"page": 1e999}', b"\xff",
     b'{"search": {"a": []}}', b'{"page": -1, "order": 7, "show": null}',
     b'{"search": "' + b"a " * 1500 + b'"}', b'{"search": "\\u0000 \\ud800"}',
     b'{"page": ' + b"9" * 3000 + b"}", b'{"mark": {"a": [1]}}'],
)  # fmt: skip
def test_a_question_that_is_none_is_refused_or_means_the_usual(
    located: tuple[Node, Server, Told], body: bytes
) -> None:
    _, page, _ = located
    answer = page.ask("/films", "POST", body)
    assert answer.status in (200, 400), answer.text
    assert {
        name.lower(): value for name, value in HEADERS.items()
    }.items() <= answer.headers.items()


def test_a_question_without_end_is_refused(located: tuple[Node, Server, Told]) -> None:
    _, page, _ = located
    assert page.ask("/films", "POST", b" " * 5000).status == 413


@pytest.mark.parametrize(
    "path",
    ["/node/0", "/node/-1", "/node/1e3", f"/node/{'9' * 5000}", "/node/%00", "/node/1%2f",
     "/node/%D9%A3/slip", "/node/0/picture.png", "/node/1/heatmap.png?share=nan",
     f"/?page={'9' * 5000}", "/?order=%00&show=7", "/health/..", "/node/1/slip/x",
     "/dicom-web/studies", "/dicom-web/studies/%00"],
)  # fmt: skip
def test_an_address_that_means_nothing_is_refused_with_the_headers(
    located: tuple[Node, Server, Told], path: str
) -> None:
    _, page, _ = located
    answer = page.ask(path)
    assert answer.status < 500
    assert {
        name.lower(): value for name, value in HEADERS.items()
    }.items() <= answer.headers.items()


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Host": ""},
     {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/films", "/dicom-web/studies", "/health", "/node/1/slip"])
def test_other_sites_neither_see_nor_send_films(
    located: tuple[Node, Server, Told], headers: dict[str, str], path: str
) -> None:
    node, page, _ = located
    method = "POST" if path in ("/films", "/dicom-web/studies") else "GET"
    assert page.ask(path, method, b"{}", headers).status in (403, 421)
    assert len(node.store.ledger.films(9)) == 3


def test_names_are_shown_on_this_machine_alone(located: tuple[Node, Server, Told]) -> None:
    node, _, _ = located
    with (
        pytest.raises(TbspotError, match="shown on this machine alone"),
        a_page(node, "0.0.0.0"),  # noqa: S104 - refused
    ):
        pass


def test_elsewhere_people_and_monitors_need_the_token_and_units_their_address(
    start: Start, tmp_path: Path, told: Told
) -> None:
    node = start(addresses=("127.0.0.1",))
    film = study_film(tmp_path)
    with a_page(node, "0.0.0.0") as page:  # noqa: S104 - of a test
        for path in ("/", "/health", "/node/1", "/static/view.css"):
            assert page.ask(path).status == 401
        # With Starlette 0.46 a name can hold the path by which units are known.
        assert page.ask("/", headers={"Host": "x/dicom-web/?"}).status == 401
        assert stow(page, posted(film)).status == 200
        token_file = tmp_path / "node" / "page.token"
        assert token_file.stat().st_mode & 0o077 == 0
        token = token_file.read_text().strip()
        bearer = {"Authorization": f"Bearer {token}"}
        assert page.ask("/health", headers=bearer).status == 200
        assert page.ask("/", headers={"Authorization": "Bearer x"}).status == 401
        led = page.ask(f"/?token={token}")
        assert (led.status, led.headers["location"]) == (303, "/")
        cookie = led.headers["set-cookie"].partition(";")[0]
        assert page.ask("/", headers={"Cookie": cookie}).status == 200
    with a_page(node, "0.0.0.0") as page:  # noqa: S104 - of a test
        assert page.ask("/health", headers=bearer).status == 200
    assert token not in str(list(told))


def test_elsewhere_a_unit_that_is_not_named_needs_the_token(start: Start, tmp_path: Path) -> None:
    node = start()
    film = study_film(tmp_path)
    with a_page(node, "0.0.0.0") as page:  # noqa: S104 - of a test
        forwarded = {"X-Forwarded-For": "10.0.0.7", "Forwarded": "for=10.0.0.7"}
        assert stow(page, posted(film), **forwarded).status == 401
        token = (tmp_path / "node" / "page.token").read_text().strip()
        assert stow(page, posted(film), Authorization=f"Bearer {token}").status == 200


def test_a_port_that_is_taken_is_one_sentence(located: tuple[Node, Server, Told]) -> None:
    node, page, _ = located
    port = int(page.address.rpartition(":")[2].strip("/"))
    with (
        pytest.raises(TbspotError, match="choose another with `page_port`"),
        page_of(node, port=port),
    ):
        pass
