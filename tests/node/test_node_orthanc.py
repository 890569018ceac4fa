"""The node between Debian's dcmtk, as unit, and Orthanc, as archive."""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from orthanc import Orthanc, absent
from orthanc import orthanc as orthanc
from tbspot.node import NodeSettings, check
from tbspot.node.service import Node
from units import ROOT, bright_model, study_film, wait_for

pytestmark = [
    pytest.mark.hospital,
    pytest.mark.skipif(absent, reason="orthanc or orthanc-dicomweb is not installed"),
    pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not installed"),
]

Start = Callable[..., Node]
ALL = ("sc", "seg", "sr")


def _storescu(port: int, *films: Path, called: str = "TBSPOT", title: str = "XRAY1") -> int:
    command = ["storescu", "-aet", title, "-aec", called, "localhost", str(port), *films]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode


def _echoscu(port: int, called: str) -> int:
    command = ["echoscu", "-aec", called, "localhost", str(port)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode


def _modalities(orthanc: Orthanc, number: int) -> list[str]:
    found = orthanc.instances(f"{ROOT}.2.{number}").values()
    return sorted(pydicom.dcmread(io.BytesIO(one)).Modality for one in found)


@pytest.mark.parametrize(("way", "number"), [("network", 101), ("dicomweb", 102)])
def test_a_film_goes_from_storescu_through_the_node_into_orthanc(
    orthanc: Orthanc, start: Start, tmp_path: Path, way: str, number: int
) -> None:
    film = study_film(tmp_path, number)
    orthanc.ask("/instances", film.read_bytes())
    node = start(to=getattr(orthanc, way), kinds=ALL, titles=("XRAY1",))
    assert _echoscu(node.receiver.port, "TBSPOT") != 0
    assert _storescu(node.receiver.port, film) == 0
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 1)
    # The film itself, its picture, the regions and the report, in one study.
    assert _modalities(orthanc, number) == ["DX", "DX", "SEG", "SR"]
    assert _storescu(node.receiver.port, film) == 0
    assert _storescu(node.receiver.port, film, title="OTHER") != 0
    assert _storescu(node.receiver.port, film, called="OTHER") != 0
    assert node.store.ledger.counts()["received"] == 0


def test_orthanc_that_is_stopped_in_the_middle_gets_everything_once_it_is_back(
    orthanc: Orthanc, start: Start, tmp_path: Path, told: Any
) -> None:
    numbers = range(111, 117)
    films = [study_film(tmp_path, number) for number in numbers]
    node = start(to=orthanc.network)
    answers: list[int] = []
    units = [
        threading.Thread(
            target=lambda part=part: answers.append(_storescu(node.receiver.port, *part))
        )
        for part in (films[:3], films[3:])
    ]
    for unit in units:
        unit.start()
    wait_for(lambda: node.store.ledger.counts()["delivered"] >= 1)
    orthanc.stop()
    for unit in units:
        unit.join()
    assert answers == [0, 0]
    wait_for(
        lambda: "archive lost" in told.events() or node.store.ledger.counts()["delivered"] == 6
    )
    orthanc.start()
    wait_for(lambda: node.store.ledger.counts()["delivered"] == 6)
    assert [_modalities(orthanc, number) for number in numbers] == [["DX"]] * 6


def test_a_check_asks_orthanc_both_ways_and_tells_what_is_wrong(
    orthanc: Orthanc, tmp_path: Path
) -> None:
    def said(to: str) -> dict[str, bool]:
        settings = NodeSettings(tmp_path / "node", to=to, port=0)
        return {one.name: one.ok for one in check(settings, bright_model)}

    well = {"folder": True, "port": True, "archive": True, "watched": True, "disk": True,
            "model": True, "clock": True}  # fmt: skip
    assert said(orthanc.network) | {"disk": True} == well
    assert said(orthanc.dicomweb) | {"disk": True} == well
    assert not said(f"{orthanc.web}/nowhere")["archive"]
    assert not said("ORTHANC@127.0.0.1:1")["archive"]
    assert not said("http://127.0.0.1:1/dicom-web")["archive"]
    assert not (tmp_path / "node" / ".lock").exists()
