from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tbspot.errors import TbspotError
from tbspot.files import fingerprint, open_run, write_json
from tbspot.storage import clear_parts, replacing
from tbspot.temporary import PREFIX


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    data: Path = Path("films")


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figures.txt"
    with replacing(path) as temporary:
        temporary.write_text("42", "utf-8")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text("utf-8") == "42"
    assert _names(path.parent) == {"figures.txt"}


def _write_and_fail(path: Path, fault: BaseException) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half of the n", "utf-8")
        raise fault


@pytest.mark.parametrize("fault", [ValueError("ours"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, fault: BaseException
) -> None:
    path = tmp_path / "figures.txt"
    path.write_text("old", "utf-8")
    with pytest.raises(type(fault)):
        _write_and_fail(path, fault)
    assert path.read_text("utf-8") == "old"
    assert _names(tmp_path) == {"figures.txt"}


def test_a_full_disk_is_one_clear_sentence_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(TbspotError, match=r"cannot write .*model\.safetensors: No space left"):
        _write_and_fail(path, OSError(errno.ENOSPC, "No space left on device"))
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == {"model.safetensors"}


def test_a_device_that_is_really_full_is_one_clear_sentence(tmp_path: Path) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("no /dev/full on this system")

    def write() -> None:
        with replacing(tmp_path / "a") as temporary:
            temporary.unlink()
            temporary.symlink_to("/dev/full")
            temporary.write_bytes(b"anything")

    with pytest.raises(TbspotError, match="No space left"):
        write()
    assert _names(tmp_path) == set()


def test_a_folder_that_is_a_file_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", "utf-8")
    with (
        pytest.raises(TbspotError, match=r"cannot write .*taken/a\.txt"),
        replacing(tmp_path / "taken" / "a.txt"),
    ):
        pass


def test_json_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    content = {"name": "Zoë", "figures": [1, 0.5, None], "nested": {"is": True}}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text("utf-8")
    assert json.loads(text) == content
    assert text.endswith("}\n")


def test_bytes_of_a_name_that_are_no_text_are_written_out(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    content = {name: [name, {"whole": "caf\u00e9 \U0001f600"}, 1, None]}
    write_json(tmp_path / "a.json", content)
    told = json.loads((tmp_path / "a.json").read_text("utf-8"))
    text = "caf\\udce9"
    assert told == {text: [text, {"whole": "caf\u00e9 \U0001f600"}, 1, None]}


def test_a_run_of_paths_that_are_no_text_is_the_same_run_again(tmp_path: Path) -> None:
    films = tmp_path / os.fsdecode(b"caf\xe9")
    films.mkdir()
    run = tmp_path / "run"
    open_run(run, "locate", Settings(data=films))
    (run / "map").touch()
    open_run(run, "locate", Settings(data=films))
    # As version 0.2.0 wrote it.
    record = json.loads((run / "run.json").read_text("utf-8"))
    record["settings"]["data"] = str(films)
    (run / "run.json").write_text(json.dumps(record), "utf-8")
    open_run(run, "locate", Settings(data=films))
    assert (run / "map").exists()
    inside = run / films.name
    inside.mkdir()
    with pytest.raises(TbspotError, match="which this run reads"):
        open_run(run, "locate", Settings(data=inside), overwrite=True)


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_a_figure_that_is_no_number_is_never_written(tmp_path: Path, figure: float) -> None:
    write_json(tmp_path / "a.json", {"figure": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"figure": figure})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"figure": 1}
    assert _names(tmp_path) == {"a.json"}


def test_a_fingerprint_is_16_digits_that_depend_on_every_part() -> None:
    known = fingerprint(b"films", b"labels")
    assert len(known) == 16
    assert int(known, 16) >= 0
    assert known == fingerprint(b"films", b"labels")
    others = [(b"filmsl", b"abels"), (b"labels", b"films"), (b"films",), (b"films", b"labels", b"")]
    assert known not in {fingerprint(*parts) for parts in others}
    assert len({fingerprint(*parts) for parts in others}) == 4


def test_a_new_run_folder_records_command_settings_and_versions(tmp_path: Path) -> None:
    open_run(tmp_path / "run", "train", Settings())
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert record["command"] == "train"
    assert record["settings"] == {"rate": 0.1, "data": "films"}
    assert set(record) == {"command", "settings", "tbspot", "python", "called_in"}
    assert record["called_in"] == str(Path.cwd())


def test_the_same_command_finds_its_earlier_files(tmp_path: Path) -> None:
    open_run(tmp_path, "train", Settings())
    (tmp_path / "checkpoint").write_bytes(b"hours of work")
    open_run(tmp_path, "train", Settings())
    open_run(tmp_path, "train", Settings(), overwrite=True)
    assert (tmp_path / "checkpoint").read_bytes() == b"hours of work"


def test_the_same_words_in_another_folder_that_name_other_films_are_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one/films", "two/films", "three"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "one")
    open_run(Path("../run"), "locate", Settings())
    (tmp_path / "run" / "predictions").write_bytes(b"hours of work")
    monkeypatch.chdir(tmp_path / "two")
    with pytest.raises(TbspotError, match=r"holds another run .* `overwrite=True`"):
        open_run(Path("../run"), "locate", Settings())
    assert (tmp_path / "run" / "predictions").exists()
    # The same films by the same words: through a link, and where the whole has been moved.
    (tmp_path / "three" / "films").symlink_to(tmp_path / "one" / "films")
    monkeypatch.chdir(tmp_path / "three")
    open_run(Path("../run"), "locate", Settings())
    (tmp_path / "one").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    open_run(Path("../run"), "locate", Settings())
    assert (tmp_path / "run" / "predictions").exists()


@pytest.mark.parametrize(("command", "settings"), [("distill", Settings()), ("train", Settings(9))])
def test_the_folder_of_another_run_is_refused_and_replaced_only_when_asked(
    tmp_path: Path, command: str, settings: Settings
) -> None:
    open_run(tmp_path, "train", Settings())
    (tmp_path / "checkpoint").write_bytes(b"hours of work")
    with pytest.raises(TbspotError, match=r"holds another run .* `overwrite=True`"):
        open_run(tmp_path, command, settings)
    assert (tmp_path / "checkpoint").exists()
    open_run(tmp_path, command, settings, overwrite=True)
    assert _names(tmp_path) == {"run.json"}


def test_a_folder_that_is_no_run_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(TbspotError, match="holds another run or other files"):
        open_run(tmp_path, "train", Settings())
    with pytest.raises(TbspotError, match="`overwrite=True` does not delete it"):
        open_run(tmp_path, "train", Settings(), overwrite=True)
    assert _names(tmp_path) == {"thesis.txt"}


def test_a_file_in_place_of_a_run_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("", "utf-8")
    with pytest.raises(TbspotError, match="is a file; name a folder"):
        open_run(tmp_path / "run", "train", Settings())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"command": "train"}', "[" * 200_000])
def test_a_run_folder_with_a_broken_record_counts_as_another_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, "utf-8")
    with pytest.raises(TbspotError, match="holds another run"):
        open_run(tmp_path, "train", Settings())
    assert (tmp_path / "run.json").read_text("utf-8") == text


def _put(path: Path, kind: str, elsewhere: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(elsewhere)


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("name", ["overlays", "stamps.jsonl", "run.json"])
def test_a_run_s_folder_that_holds_links_or_pipes_is_refused(
    tmp_path: Path, name: str, kind: str
) -> None:
    run = tmp_path / "run"
    open_run(run, "train", Settings())
    elsewhere = tmp_path / "elsewhere"
    (run / "run.json").rename(elsewhere) if name == "run.json" else elsewhere.mkdir()
    _put(run / name, kind, elsewhere)
    with pytest.raises(TbspotError):
        open_run(run, "train", Settings())
    assert elsewhere.exists()


def test_a_link_to_a_folder_of_numbered_ones_is_refused_and_one_to_a_run_is_not(
    tmp_path: Path,
) -> None:
    run, link = tmp_path / "run", tmp_path / "link"
    open_run(run, "train", Settings())
    link.symlink_to("run")
    (run / "heatmaps").mkdir()
    open_run(link, "train", Settings())
    (run / "heatmaps" / "0f").symlink_to(tmp_path)
    with pytest.raises(TbspotError, match=r"heatmaps/0f is a link, .*; remove it, or choose"):
        open_run(link, "train", Settings())


def test_a_part_that_is_being_written_stays_whatever_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "40138124")
    with replacing(tmp_path / "01-b6cdf42bf5bc8025.npy") as temporary:
        temporary.write_bytes(b"a map")
        left = temporary.with_name(".02.npy.tbspot-40138124.part")
        left.write_bytes(b"half a map")
        clear_parts(tmp_path)
        assert not left.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["01-b6cdf42bf5bc8025.npy"]


def test_a_file_that_a_user_names_goes_through_a_link_and_into_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "real.json").touch()
    link, pipe = tmp_path / "link.json", tmp_path / "pipe"
    link.symlink_to("real.json")
    write_json(link, 1, named=True)
    assert (link.is_symlink(), (tmp_path / "real.json").read_text()) == (True, "1\n")
    # As into a folder that a stranger made.
    write_json(link, 2)
    assert (link.is_symlink(), (tmp_path / "real.json").read_text()) == (False, "1\n")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replacing(pipe, named=True) as temporary:
        temporary.write_text("3\n")
        # Held, so that the next process removes what a killed one leaves of it.
        assert temporary.parent.name.startswith(PREFIX)
    assert os.read(reader, 9) == b"3\n"
    os.close(reader)
    assert pipe.is_fifo()
    assert _names(tmp_path) == {"real.json", "link.json", "pipe"}


@pytest.mark.parametrize("name", ["a" * 255, "\u00e9" * 127 + "a", "\U0001f600" * 63 + "abc"])
def test_a_name_as_long_as_a_file_system_takes_it_is_written(tmp_path: Path, name: str) -> None:
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("42")
    assert _names(tmp_path) == {name}


def test_a_record_that_is_nested_deeper_than_any_settings_is_another_run_s(tmp_path: Path) -> None:
    deep = "[" * 700 + "]" * 700
    (tmp_path / "run.json").write_text(f'{{"command": "train", "settings": {deep}}}')
    with pytest.raises(TbspotError, match="holds another run or other files"):
        open_run(tmp_path, "train", Settings())
    open_run(tmp_path, "train", Settings(), overwrite=True)
