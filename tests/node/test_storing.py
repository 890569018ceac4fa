"""Films over the web: STOW-RS into the node, and requests that mean no good."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nodes import SETTINGS, Told, a_page, posted, stow
from pages import Answer, Server
from tbspot.node.objects import CLASSES
from tbspot.node.service import Node, running
from tbspot.node.settings import Limits
from tbspot.viewer import bodies, multipart, storing
from tbspot.viewer.bodies import TooLargeError, TooSlowError
from tbspot.viewer.multipart import MOST_BESIDE, MalformedError, Parts
from units import ROOT, bright_model, send, study_film, wait_for

Start = Callable[..., Node]
REFERENCED, FAILED, OTHERS = "00081199", "00081198", "0008119A"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film, as a file."""
    return study_film(tmp_path_factory.mktemp("film")).read_bytes()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that tests share, none of which needs an empty one."""
    settings = replace(SETTINGS, folder=tmp_path_factory.mktemp("shared") / "node")
    with running(settings, bright_model(), Told()) as made:
        yield made


@pytest.fixture(scope="module")
def page(node: Node) -> Iterator[Server]:
    with a_page(node) as served:
        yield served


@pytest.fixture
def own_node(start: Start) -> Node:
    return start()


@pytest.fixture
def own_page(own_node: Node) -> Iterator[Server]:
    with a_page(own_node) as served:
        yield served


def _count(node: Node) -> int:
    return len(node.store.ledger.films(100))


def _instances(answer: Answer, sequence: str) -> list[str]:
    items = answer.json().get(sequence, {"Value": []})["Value"]
    return [item["00081155"]["Value"][0] for item in items]


def _reasons(answer: Answer, sequence: str = FAILED) -> list[int]:
    items = answer.json().get(sequence, {"Value": []})["Value"]
    return [item["00081197"]["Value"][0] for item in items]


def _of_class(tmp_path: Path, kind: str) -> Path:
    return study_film(tmp_path, 9, SOPClassUID=kind)


# What is stored.


def test_a_film_that_is_stored_is_on_the_disk_and_answered(
    own_node: Node, own_page: Server, film: bytes, told: Told
) -> None:
    answer = stow(own_page, posted(film))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/dicom+json")
    assert _instances(answer, REFERENCED) == [f"{ROOT}.1.1"]
    (line,) = own_node.store.ledger.films(9)
    assert (line.source, line.state) in (
        ("web 127.0.0.1", "received"),
        ("web 127.0.0.1", "located"),
    )
    assert own_node.store.path_of(line).is_file()
    wait_for(lambda: own_node.store.ledger.counts()["located"] == 1)
    assert '<tr id="film-1">' in own_page.ask("/").text
    assert "film new" in told.events()


def test_a_film_is_the_same_whichever_way_it_comes(
    own_node: Node, own_page: Server, film: bytes, tmp_path: Path
) -> None:
    assert stow(own_page, posted(film, film)).status == 200
    assert stow(own_page, posted(film)).status == 200
    assert send(own_node.receiver.port, study_film(tmp_path)) == [0]
    assert _count(own_node) == 1


def test_what_cannot_be_stored_has_its_reason_and_the_rest_is_stored(
    own_node: Node, own_page: Server, film: bytes, tmp_path: Path
) -> None:
    ct = _of_class(tmp_path, "1.2.840.10008.5.1.4.1.1.2")
    other = study_film(tmp_path, 1, PatientName="Other")
    answer = stow(own_page, posted(film, ct, other, b"no film"))
    assert answer.status == 202
    assert _instances(answer, REFERENCED) == [f"{ROOT}.1.1"]
    assert _instances(answer, FAILED) == [f"{ROOT}.1.9", f"{ROOT}.1.1"]
    assert _reasons(answer) == [0x0122, 0xC000]
    assert _reasons(answer, OTHERS) == [0xC000]
    assert _count(own_node) == 1


def test_a_film_that_is_another_than_its_part_says_is_not_stored(
    page: Server, tmp_path: Path
) -> None:
    film = study_film(tmp_path).read_bytes()
    first = film.index(f"{ROOT}.1.1".encode())  # of its file meta information
    other = film[:first] + f"{ROOT}.1.7".encode() + film[first + len(f"{ROOT}.1.7") :]
    answer = stow(page, posted(other))
    assert (answer.status, _reasons(answer)) == (409, [0xA900])


def test_a_syntax_that_is_not_taken_has_its_own_reason(page: Server, tmp_path: Path) -> None:
    path = study_film(tmp_path)
    # JPIP, as long as explicit VR little endian's and of the same group.
    path.write_bytes(
        path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0", 1)
    )
    answer = stow(page, posted(path))
    assert (answer.status, _reasons(answer)) == (409, [0xC122])


@pytest.mark.parametrize("kind", CLASSES)
def test_the_classes_are_those_of_c_store(page: Server, tmp_path: Path, kind: str) -> None:
    film = study_film(tmp_path, 100 + CLASSES.index(kind), SOPClassUID=kind)
    assert stow(page, posted(film)).status == 200


def test_an_address_of_a_study_takes_films_of_it_alone(
    own_node: Node, own_page: Server, film: bytes, tmp_path: Path
) -> None:
    other = study_film(tmp_path, 2)
    answer = stow(own_page, posted(film, other), f"studies/{ROOT}.2.1")
    assert answer.status == 202
    assert _instances(answer, REFERENCED) == [f"{ROOT}.1.1"]
    assert _instances(answer, FAILED) == [f"{ROOT}.1.2"]
    assert stow(own_page, posted(other), f"studies/{ROOT}.2.1").status == 409
    assert stow(own_page, posted(other), "studies/x").status == 400
    assert _count(own_node) == 1


def test_results_that_come_back_are_acknowledged_and_not_answered(
    own_node: Node, own_page: Server, film: bytes
) -> None:
    stow(own_page, posted(film))
    wait_for(lambda: own_node.store.ledger.counts()["located"] == 1)
    (result,) = own_node.store.ledger.results_of(1)
    assert stow(own_page, posted(own_node.store.path_of_result(result))).status == 200
    assert _count(own_node) == 1


def test_a_film_in_chunks_of_any_size_without_a_length_is_stored(
    own_node: Node, own_page: Server, film: bytes
) -> None:
    body = posted(film)
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part)
        for part in (body[at : at + 997] for at in range(0, len(body), 997))
    )
    head = _head(own_page, "Transfer-Encoding: chunked")
    assert _raw(own_page, head + chunks + b"0\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert _count(own_node) == 1


# What is refused.


@pytest.mark.parametrize(
    ("kind", "status"),
    [("application/dicom", 415), ("multipart/related; type=application/dicom+xml; boundary=b", 415),
     ("multipart/form-data; boundary=b", 415), ("", 415), ("multipart/related; boundary=b", 415),
     ('multipart/related; type="application/dicom"', 400), ("\xff", 415),
     (f'multipart/related; type="application/dicom"; boundary={"b" * 3000}', 400),
     ("MULTIPART/Related; TYPE=application/dicom; Boundary=b", 200)],
)  # fmt: skip
def test_only_parts_of_dicom_are_taken(page: Server, film: bytes, kind: str, status: int) -> None:
    assert stow(page, posted(film), Content_Type=kind).status == status


@pytest.mark.parametrize(
    "body",
    [b"", b"--b--", b"\r\n--b--\r\n", b"garbage", b"\r\n--c\r\n\r\nfilm\r\n--c--", b"--b\r\n",
     b"--b\r\nContent-Type application/dicom\r\n\r\nx\r\n--b--", b"--b\r\n" + b"X: y\r\n" * 30,
     b"--b\r\nX: " + b"y" * 9000, b"\r\n" * 100_000, b"\r\n" + b" " * (2 << 20)],
)  # fmt: skip
def test_a_body_that_is_none_is_refused(node: Node, page: Server, body: bytes) -> None:
    before = _count(node)
    assert stow(page, body).status == 400
    assert _count(node) == before


def test_a_body_that_ends_early_is_refused_and_what_was_whole_may_come_again(
    own_node: Node, own_page: Server, film: bytes, tmp_path: Path
) -> None:
    body = posted(film, study_film(tmp_path, 2))
    assert stow(own_page, body[:-5000]).status == 400
    assert _count(own_node) == 1
    assert stow(own_page, body).status == 200
    assert _count(own_node) == 2


def test_other_methods_are_refused(page: Server) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert page.ask("/dicom-web/studies", method).status == 405


def test_a_full_disk_refuses_films_until_there_is_room(start: Start, film: bytes) -> None:
    full = start(limits=Limits(free_bytes=1 << 60))
    with a_page(full) as page:
        answer = stow(page, posted(film))
        assert (answer.status, _reasons(answer)) == (503, [0xA700])
        assert int(answer.headers["retry-after"]) > 0
        assert page.ask("/health").status == 503
    assert _count(full) == 0


def test_a_film_that_is_too_large_is_cut_off(start: Start, film: bytes) -> None:
    node = start(limits=Limits(free_bytes=0, film_bytes=len(film) - 1))
    with a_page(node) as page:
        assert stow(page, posted(film)).status == 413
    assert _count(node) == 0


def test_too_many_films_of_one_body_are_refused(
    page: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "MOST_PARTS", 3)
    assert stow(page, posted(*[b"x"] * 3)).status == 409
    assert stow(page, posted(*[b"x"] * 4)).status == 413


def test_only_units_that_are_named_may_store(start: Start, film: bytes, told: Told) -> None:
    node = start(addresses=("10.0.0.7",))
    with a_page(node) as page:
        assert stow(page, posted(film)).status == 403
        forwarded = {"X-Forwarded-For": "10.0.0.7", "Forwarded": "for=10.0.0.7"}
        assert stow(page, posted(film), **forwarded).status == 403
        assert page.ask("/").status == 200
    assert "request refused" in told.events()
    assert _count(node) == 0


def test_a_fault_of_the_node_is_no_acknowledgement(
    node: Node, page: Server, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("of PLANTED")

    monkeypatch.setattr(node.store, "take", broken)
    answer = stow(page, posted(film))
    assert (answer.status, _reasons(answer)) == (409, [0x0110])
    assert isinstance(node.tell, Told)
    assert "fault" in node.tell.events()
    assert "PLANTED" not in str(list(node.tell))


# What nobody is shut out by.


def _head(page: Server, *lines: str) -> bytes:
    host = urlsplit(page.address).netloc
    kind = 'Content-Type: multipart/related; type="application/dicom"; boundary=b'
    first = "POST /dicom-web/studies HTTP/1.1"
    return "\r\n".join([first, f"Host: {host}", kind, *lines, "", ""]).encode()


def _open(page: Server, said: bytes) -> socket.socket:
    parts = urlsplit(page.address)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    connection.sendall(said)
    return connection


def _raw(page: Server, said: bytes) -> bytes:
    with _open(page, said) as connection:
        return connection.recv(65536)


@pytest.mark.attack
def test_promises_keep_no_place(page: Server, film: bytes) -> None:
    begun = b"\r\n--b\r\n\r\n" + film[:100]
    idle = [_open(page, _head(page, "Content-Length: 400000000") + begun) for _ in range(20)]
    try:
        assert stow(page, posted(film)).status == 200
    finally:
        for one in idle:
            one.close()


@pytest.mark.attack
def test_what_is_held_of_all_requests_is_bounded_and_given_back(
    start: Start, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start(limits=Limits(free_bytes=0, film_bytes=2 * len(film)))
    made: list[storing.Storing] = []
    before = storing.Storing.__init__

    def keep(self: storing.Storing, given: Node) -> None:
        before(self, given)
        made.append(self)

    monkeypatch.setattr(storing.Storing, "__init__", keep)
    monkeypatch.setattr(storing, "MOST_HELD", 1)
    begun = b"\r\n--b\r\n\r\n" + film[:-10]
    with a_page(node) as page:
        idle = [_open(page, _head(page, "Content-Length: 400000") + begun) for _ in range(2)]
        wait_for(lambda: made[0]._held == 2 * (len(film) - 10))
        answer = stow(page, posted(film))
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        for one in idle:
            one.close()
        wait_for(lambda: made[0]._held == 0)
        assert stow(page, posted(film)).status == 200
        assert stow(page, posted(film)[:-30]).status == 400
        wait_for(lambda: made[0]._held == 0)


@pytest.mark.attack
@pytest.mark.parametrize("said", [b"", b"\r\n--b\r\nConte", b"\r\n--b\r\n\r\nDI"])
def test_a_body_that_does_not_arrive_is_given_up(
    page: Server, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(storing, "GRACE", 0.2)
    answer = _raw(page, _head(page, "Content-Length: 5000") + said)
    assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.attack
def test_a_length_that_contradicts_chunks_lifts_no_limit(page: Server, film: bytes) -> None:
    body = posted(film)
    head = _head(page, "Content-Length: 5", "Transfer-Encoding: chunked")
    answer = _raw(page, head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert answer.split(b" ")[1] in (b"200", b"400")


@pytest.mark.attack
def test_the_time_that_the_node_takes_is_not_the_senders() -> None:
    async def parts() -> Any:
        for _ in range(3):
            yield b"x"

    async def take() -> int:
        count = 0
        async for _ in bodies.paced(parts(), grace=0.2):
            await asyncio.sleep(0.15)
            count += 1
        return count

    assert asyncio.run(take()) == 3


@pytest.mark.attack
def test_a_byte_now_and_then_is_given_up() -> None:
    async def trickle() -> Any:
        while True:
            await asyncio.sleep(0.02)
            yield b"x"

    async def take() -> None:
        async for _ in bodies.paced(trickle(), grace=0.2):
            pass

    with pytest.raises(TooSlowError):
        asyncio.run(take())


def _fed(body: bytes, chance: random.Random, sizes: list[int]) -> list[bytes]:
    """Parts of a body that comes in pieces; nothing is held at its end."""
    held, found, at = 0, [], 0

    def count(length: int) -> None:
        nonlocal held
        held += length

    parts = Parts(b"b", 1000, count)
    try:
        while at < len(body):
            piece = body[at : at + chance.choice(sizes)]
            at += len(piece)
            for part in parts.feed(piece):
                found.append(bytes(part.content))
                parts.give_back(part)
    finally:
        parts.close()
        assert held == 0
    return found


def test_parts_are_the_same_however_their_bytes_come() -> None:
    films = [b"\r\n--", b"--b", b"\r\n--bb\r\n-", b"", bytes(range(256)) * 3, b"\r\n--b"[:-1]]
    body = posted(*films)
    for seed in range(200):
        assert _fed(body, random.Random(seed), [1, 2, 5, 50, 500]) == films


@pytest.mark.parametrize(
    "before", [b"\r\n", b"This is a message of several parts.\r\n", b"a --b\r\n\r\n-\r\n"]
)
def test_what_stands_before_the_first_part_is_none(before: bytes) -> None:
    for seed in range(20):
        found = _fed(before + posted(b"film", b"other"), random.Random(seed), [1, 2, 5, 50])
        assert found == [b"film", b"other"]


@pytest.mark.parametrize("before", [b"", b"\n", b"\r\n\n", b"a text\n"])
def test_lines_before_that_end_without_a_return_cost_no_film(before: bytes) -> None:
    body = before + posted(b"film", b"other").removeprefix(b"\r\n")
    for size in (1, 2, len(body)):
        assert _fed(body, random.Random(0), [size]) == [b"film", b"other"]


def test_no_more_than_a_mebibyte_stands_before_the_first_part() -> None:
    with pytest.raises(MalformedError):
        _fed(bytes(MOST_BESIDE + 1) + posted(b"film"), random.Random(0), [1 << 16])


@pytest.mark.attack
def test_mutated_bodies_are_taken_or_refused_and_nothing_stays_held() -> None:
    body, refused = bytearray(posted(b"film" * 50, b"other" * 9)), 0
    for seed in range(1000):
        chance = random.Random(seed)
        bad = bytearray(body)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(bad))
            bad[at : at + chance.randint(0, 9)] = chance.choice(
                (b"\r\n", b"--b", b"\0", b":", b"\r\n--b--", bytes(chance.randbytes(5)))
            )
        try:
            _fed(bytes(bad), chance, [1, 7, 100])
        except (MalformedError, TooLargeError):
            refused += 1
    assert 0 < refused < 1000


@pytest.mark.attack
def test_many_units_at_once_have_each_film_stored_once(
    own_node: Node, own_page: Server, tmp_path: Path
) -> None:
    films = [study_film(tmp_path, number, 32) for number in range(1, 9)]
    statuses: list[int] = []

    def unit(own: list[Path]) -> None:
        statuses.extend(stow(own_page, posted(*own)).status for _ in range(2))

    threads = [threading.Thread(target=unit, args=(films[at : at + 4],)) for at in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 10
    assert _count(own_node) == 8


@pytest.mark.attack
def test_a_data_set_that_is_made_to_harm_its_reader_is_of_no_study(
    node: Node, page: Server, film: bytes
) -> None:
    meta = film[: film.index(b"\x08\x00\x05\x00")] if b"\x08\x00\x05\x00" in film else film[:400]
    deep = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 20_000
    many = b"\x08\x00\x05\x00CS\0\0" * 200_000
    huge = b"\x08\x00\x05\x00UN\0\0\xff\xff\xff\x7f"
    before = _count(node)
    for harm in (deep, many, huge, b"\xff" * 100, b""):
        answer = stow(page, posted(meta + harm), f"studies/{ROOT}.2.1")
        assert answer.status == 409, harm[:20]
    assert _count(node) == before
