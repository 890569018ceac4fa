from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import bright_engine
from tbspot.errors import TbspotError
from tbspot.locating import LocateSettings, find_items, locate
from tbspot.locating.folder import Keeper, file_stem, overlay_of
from tbspot.locating.places import MOST_FILES, Places, digits_for, picture_beside
from tbspot.records.predictions import FILE_NAME, Prediction, read_heatmap, read_predictions

KINDS = 3


@pytest.fixture
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nine files were too many for a folder, so that four films are."""
    monkeypatch.setattr("tbspot.locating.places.MOST_FILES", 9)


@pytest.fixture
def films(drawn: Path, tmp_path: Path) -> Path:
    """Two films."""
    folder = tmp_path / "films"
    folder.mkdir()
    _more(drawn, folder, 1, 2)
    return folder


def _more(drawn: Path, folder: Path, first: int, last: int) -> None:
    for number in range(first, last + 1):
        shutil.copy(drawn / "imgs" / "tb" / f"tb{number:04}.png", folder / f"{number}.png")


def _locate(films: Path, out: Path, *, packed: bool = False) -> None:
    settings = LocateSettings((str(films),), "", "bright v1", "fake", "cam", gate=False)
    locate(find_items([films], out), bright_engine(), settings, out, packed=packed)


def _content(out: Path) -> dict[str, bytes]:
    """Every file but run.json, which says when it was made; and every folder."""
    paths = (path for path in out.rglob("*") if path.name != "run.json")
    return {
        path.relative_to(out).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in paths
    }


def _whole(films: Path, out: Path, *, packed: bool = False) -> dict[str, bytes]:
    """What a run leaves that nothing came before."""
    fresh = out.with_name("fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    _locate(films, fresh, packed=packed)
    return _content(fresh)


def _maps(out: Path) -> list[bytes]:
    return [read_heatmap(out, line).tobytes() for line in read_predictions(out)]


def test_few_films_lie_in_one_folder() -> None:
    assert digits_for(0) == digits_for(MOST_FILES // KINDS) == 0
    assert digits_for(MOST_FILES // KINDS + 1) == 1


@pytest.mark.parametrize("films", [3_333, 3_334, 48_000, 48_001, 768_000, 1_000_000])
def test_no_folder_holds_more_than_ten_thousand_files(films: int) -> None:
    folders = 16 ** digits_for(films)
    hashes = np.random.default_rng(films).integers(0, folders, films)
    assert KINDS * np.bincount(hashes).max() <= MOST_FILES


@given(st.text(min_size=1), st.integers(0, 4))
def test_a_picture_lies_among_pictures_as_its_map_among_maps(name: str, digits: int) -> None:
    heatmap = Places(Path(), digits).of_map(file_stem(name))
    assert picture_beside(heatmap) == heatmap.replace("heatmaps", "overlays").replace("npy", "jpg")


@pytest.mark.parametrize("heatmap", ["../../x.npy", "/etc/x.npy", "heatmaps/../../x.npy", "x"])
def test_a_line_of_a_strangers_leads_to_no_picture_elsewhere(heatmap: str) -> None:
    assert picture_beside(heatmap) == "overlays/x.jpg"


@pytest.mark.usefixtures("low")
def test_many_films_lie_in_numbered_folders_that_their_lines_name(
    films: Path, drawn: Path, tmp_path: Path
) -> None:
    _more(drawn, films, 3, 5)
    out = tmp_path / "found"
    _locate(films, out)
    for line in read_predictions(out):
        assert read_heatmap(out, line).shape == (8, 8)
        assert line.heatmap is not None
        heatmap, number = Path(line.heatmap), file_stem(line.image)[-16]
        assert heatmap.parts[:2] == ("heatmaps", number)
        assert overlay_of(out, line) == out / "overlays" / number / f"{heatmap.stem}.jpg"


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize("packed", [False, True])
def test_a_run_that_grows_or_shrinks_comes_to_the_files_of_one_that_was_always_so(
    films: Path, drawn: Path, tmp_path: Path, packed: bool
) -> None:
    out = tmp_path / "found"
    _locate(films, out, packed=packed)
    assert (out / "heatmaps" / f"{file_stem('1.png')}.npy").is_file() is not packed
    _more(drawn, films, 3, 5)
    _locate(films, out, packed=packed)
    assert _content(out) == _whole(films, out, packed=packed)
    for number in (1, 4, 5):
        (films / f"{number}.png").unlink()
    _locate(films, out, packed=packed)
    assert _content(out) == _whole(films, out, packed=packed)


STEPS = [(step, packed) for packed in (False, True)
         for step in ("folder.Keeper._rewrite", "places.Places.tidy")]  # fmt: skip


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize(
    ("step", "packed"), [*STEPS, ("places.write_page", True), ("places.Places._pages", True)]
)
def test_a_run_killed_while_files_come_to_their_places_loses_none(
    films: Path,
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    packed: bool,
) -> None:
    out = tmp_path / "found"
    _locate(films, out, packed=packed)
    _more(drawn, films, 3, 5)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"tbspot.locating.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            _locate(films, out, packed=packed)
    assert all(read_heatmap(out, line).shape == (8, 8) for line in read_predictions(out))
    _locate(films, out, packed=packed)
    assert _content(out) == _whole(films, out, packed=packed)


@pytest.mark.parametrize("numbered", [False, True])
def test_packed_heat_maps_are_those_of_files_and_lines_are_the_same(
    films: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbered: bool
) -> None:
    if numbered:
        monkeypatch.setattr("tbspot.locating.places.MOST_FILES", 9)
    _more(drawn, films, 3, 5)
    out, packed = tmp_path / "found", tmp_path / "packed"
    _locate(films, out)
    _locate(films, packed, packed=True)
    assert _maps(packed) == _maps(out)
    assert (packed / FILE_NAME).read_bytes() == (out / FILE_NAME).read_bytes()
    assert not list(packed.rglob("*.npy"))
    pages = sorted(packed.rglob("*.npz"))
    numbers = {file_stem(line.image)[-16] for line in read_predictions(packed)}
    assert [page.stem for page in pages] == (sorted(numbers) if numbered else ["heatmaps"])
    loaded = [np.load(page, allow_pickle=False) for page in pages]
    held = {f"{name}.npy" for page in loaded for name in page.files}
    assert held == {Path(line.heatmap or "").name for line in read_predictions(packed)}
    for line in read_predictions(packed):
        picture = overlay_of(packed, line)
        assert picture is not None
        assert picture.relative_to(packed) == Path(picture_beside(line.heatmap or ""))


def test_a_run_is_packed_when_it_is_asked_for_and_stays_so(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    _locate(films, out)
    before = _maps(out)
    _locate(films, out, packed=True)
    packed = _content(out)
    assert packed == _whole(films, out, packed=True)
    _locate(films, out)
    assert _content(out) == packed
    assert _maps(out) == before


def test_of_a_film_that_changed_the_page_holds_the_new_map(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    _locate(films, out, packed=True)
    shutil.copy(films / "1.png", films / "2.png")
    _locate(films, out, packed=True)
    assert _maps(out)[0] == _maps(out)[1]
    assert _content(out) == _whole(films, out, packed=True)


def test_a_page_that_is_none_of_tbspots_is_one_sentence_and_stays(
    films: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    _locate(films, out, packed=True)
    page = out / "heatmaps.npz"
    page.write_bytes(b"mine")
    shutil.copy(films / "1.png", films / "3.png")
    with pytest.raises(TbspotError, match=r"heatmaps\.npz does not hold heat maps .* move it away"):
        _locate(films, out)
    assert page.read_bytes() == b"mine"


@pytest.mark.usefixtures("low")
def test_a_map_that_somebody_removed_is_not_said_to_be_elsewhere(
    films: Path, drawn: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    _locate(films, out)
    before = next(read_predictions(out)).heatmap
    assert before is not None
    (out / before).unlink()
    _more(drawn, films, 3, 5)
    _locate(films, out)
    assert next(read_predictions(out)).heatmap == before


def test_files_copied_where_there_are_no_links_are_the_same(
    films: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("no links here")

    out = tmp_path / "found"
    _locate(films, out)
    _more(drawn, films, 3, 5)
    monkeypatch.setattr("tbspot.locating.places.MOST_FILES", 9)
    monkeypatch.setattr("os.link", refused)
    _locate(films, out)
    assert _content(out) == _whole(films, out)


@pytest.mark.usefixtures("low")
def test_results_as_dicom_come_to_their_places_and_those_of_no_film_go(tmp_path: Path) -> None:
    objects = {"dicom/0123456789abcdef-sr.dcm": b"made", "dicom/a123456789abcdef-sc.dcm": b"made"}
    line = Prediction(image="1", status="ok", model="m", version="v")
    with Keeper(tmp_path) as keeper:
        keeper.keep(line, objects=objects)
    (tmp_path / "dicom" / "mine").mkdir()
    (tmp_path / "dicom" / "mine" / "x.dcm").touch()
    places = Places(tmp_path, 1)
    places.tidy(set(), {"0123456789abcdef"})
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.dcm")) == [
        "dicom/0/0123456789abcdef-sr.dcm",
        "dicom/mine/x.dcm",
    ]
    assert (tmp_path / FILE_NAME).is_file()
