"""Films stored over the web by others' programs: dicomweb-client, and Orthanc's plugin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

from nodes import a_page
from orthanc import Orthanc, absent
from orthanc import orthanc as orthanc
from pages import Server
from tbspot.node.service import Node
from units import ROOT, study_film, wait_for

pytestmark = pytest.mark.hospital


@pytest.fixture
def node(start: Callable[..., Node]) -> Node:
    return start(identities=True)


@pytest.fixture
def page(node: Node) -> Iterator[Server]:
    with a_page(node) as served:
        yield served


def test_a_film_that_dicomweb_client_stores_is_answered_in_the_worklist(
    node: Node, page: Server, tmp_path: Path
) -> None:
    web = pytest.importorskip("dicomweb_client.api", reason="the extra hospital is not installed")
    client = web.DICOMwebClient(f"{page.address}dicom-web")
    films = [pydicom.dcmread(study_film(tmp_path, number)) for number in (1, 2)]
    said = client.store_instances(films)
    stored = [str(item.ReferencedSOPInstanceUID) for item in said.ReferencedSOPSequence]
    assert stored == [f"{ROOT}.1.1", f"{ROOT}.1.2"]
    assert "FailedSOPSequence" not in said
    again = client.store_instances(films, study_instance_uid=f"{ROOT}.2.1")
    (failed,) = again.FailedSOPSequence
    assert failed.ReferencedSOPInstanceUID == f"{ROOT}.1.2"
    wait_for(lambda: node.store.ledger.counts()["located"] == 2)
    text = page.ask("/").text
    assert text.count("called TB") >= 2
    assert "ACC-1" in text
    assert "web 127.0.0.1" in text


@pytest.mark.skipif(absent, reason="orthanc or orthanc-dicomweb is not installed")
def test_a_film_that_orthanc_sends_on_over_the_web_is_answered_in_the_worklist(
    orthanc: Orthanc, node: Node, page: Server, tmp_path: Path
) -> None:
    film = study_film(tmp_path, 301)
    kept = orthanc.ask("/instances", film.read_bytes())["ID"]
    orthanc.put("/dicom-web/servers/node", json.dumps({"Url": f"{page.address}dicom-web/"}))
    sent = orthanc.ask(
        "/dicom-web/servers/node/stow",
        json.dumps({"Resources": [kept], "Synchronous": True}).encode(),
    )
    assert sent is not None
    wait_for(lambda: node.store.ledger.counts()["located"] == 1)
    assert "ACC-301" in page.ask("/").text
