from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tbspot import files
from tbspot.errors import TbspotError
from tbspot.files import check_run, open_run
from tbspot.lock import LOCK_FILE, holding
from tbspot.storage import clear_parts, replacing

LINUX_ROOT = sys.platform == "linux" and os.geteuid() == 0
# Holds a folder, says so, and waits to be killed.
HOLDER = """
import sys, time
from pathlib import Path
from tbspot.lock import holding
with holding(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
# What a run does to its folder, as a user who is not root.
AS_NOBODY = """
import os, sys
from dataclasses import dataclass
from pathlib import Path
from tbspot.errors import TbspotError
from tbspot.files import open_run
from tbspot.lock import holding
# Only now: the interpreter may lie where nobody else may read.
os.setgid(65534); os.setuid(65534)
@dataclass
class Settings:
    rate: float = 0.2
try:
    with holding(Path(sys.argv[1])):
        open_run(Path(sys.argv[1]), "train", Settings(), overwrite=True)
except TbspotError as error:
    sys.exit(str(error))
"""


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    data: tuple[str, ...] = ()


def _run(folder: Path, settings: Settings | None = None, *, overwrite: bool = False) -> None:
    with holding(folder):
        open_run(folder, "train", settings or Settings(), overwrite=overwrite)
        (folder / "model").write_text(str(settings))


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _mount(folder: Path, *options: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    options = options if "--bind" in options else ("-t", "tmpfs", *options, "tmpfs")
    done = subprocess.run(["mount", *options, folder], check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")


@pytest.fixture
def mount() -> Callable[..., Path]:
    """Mounts an empty file system, or by `--bind` another folder, until the test ends."""
    if not LINUX_ROOT:
        pytest.skip("only root mounts")
    mounted: list[Path] = []

    def on(folder: Path, *options: str) -> Path:
        _mount(folder, *options)
        mounted.append(folder)
        return folder

    yield on  # type: ignore[misc]
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_folder_that_is_a_link_is_emptied_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "out"
    link.symlink_to("disk", target_is_directory=True)
    _run(link)
    _run(link, Settings(0.2), overwrite=True)
    assert link.is_symlink()
    assert _names(tmp_path / "disk") == {"run.json", "model"}


def test_the_folder_that_one_stands_in_can_be_written_to_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _run(Path())
    _run(Path(), Settings(0.2), overwrite=True)
    assert _names(tmp_path) == {"run.json", "model"}
    assert json.loads(Path("run.json").read_text())["settings"]["rate"] == 0.2


def test_a_mount_point_is_emptied_and_stays_mounted(
    tmp_path: Path, mount: Callable[..., Path]
) -> None:
    out = mount(tmp_path / "out")
    (out / "lost+found").mkdir()
    _run(out)
    (out / "heatmaps").mkdir()
    _run(out, Settings(0.2), overwrite=True)
    assert out.is_mount()
    assert _names(out) == {"run.json", "model", "lost+found"}


def test_a_read_only_disk_is_one_clear_sentence(tmp_path: Path, mount: Callable[..., Path]) -> None:
    out = mount(tmp_path / "out", "-o", "ro")
    for folder in (out, out / "new"):
        with pytest.raises(TbspotError, match=r"cannot be written to: Read-only file system"):
            _run(folder)


def test_an_earlier_run_that_cannot_all_be_removed_stays_whole(
    tmp_path: Path, mount: Callable[..., Path]
) -> None:
    out = tmp_path / "out"
    _run(out)
    mount(out / "heatmaps")
    (out / "heatmaps" / "a.npy").touch()
    with pytest.raises(TbspotError, match=r"heatmaps cannot be emptied, so the run in .* stays"):
        _run(out, Settings(0.2), overwrite=True)
    assert _names(out) == {"run.json", "model", "heatmaps"}
    assert _names(out / "heatmaps") == {"a.npy"}
    assert check_run(out, "train", Settings())


@pytest.mark.skipif(not LINUX_ROOT, reason="only root becomes another user")
@pytest.mark.parametrize("closed", [".", "heatmaps"])
def test_an_earlier_run_stays_where_the_user_may_not_write(closed: str) -> None:
    # Not in tmp_path itself, which no other user may enter.
    place = Path("/tmp") / f"tbspot-test-{os.getpid()}-{closed.strip('.')}"  # noqa: S108
    out = place / "out"
    try:
        _run(out)
        (out / "heatmaps").mkdir()
        for path in (place, out, *out.iterdir()):
            os.chown(path, 65534, 65534)
        (out / closed).chmod(0o500)
        command = [sys.executable, "-c", AS_NOBODY, out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "choose another folder" in done.stderr
        assert _names(out) == {"run.json", "model", "heatmaps"}
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 3000])
def test_a_name_that_is_too_long_is_one_short_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(TbspotError, match=r"cannot be written to: .*name too long") as told:
        _run(tmp_path / name)
    assert len(str(told.value)) < 200


def test_what_a_run_reads_is_not_deleted_for_it(tmp_path: Path) -> None:
    _run(tmp_path / "drawn")
    films = str(tmp_path / "drawn" / "imgs")
    Path(films).mkdir()
    with pytest.raises(TbspotError, match=r"holds .*imgs, which this run reads"):
        _run(tmp_path / "drawn", Settings(data=(f"{films}?lists=all",)), overwrite=True)
    assert Path(films).is_dir()


def test_what_a_run_reads_is_not_deleted_for_it_by_a_second_path(
    tmp_path: Path, mount: Callable[..., Path]
) -> None:
    _run(tmp_path / "one" / "drawn")
    films = tmp_path / "one" / "drawn" / "imgs"
    films.mkdir()
    again = mount(tmp_path / "two", "--bind", str(tmp_path / "one"))
    with pytest.raises(TbspotError, match=r"two/drawn holds .*one.*imgs, which this run reads"):
        _run(again / "drawn", Settings(data=(str(films),)), overwrite=True)
    assert films.is_dir()


@pytest.mark.parametrize("linked", [False, True])
def test_what_a_run_reads_besides_what_its_settings_name_is_not_deleted_for_it(
    tmp_path: Path, *, linked: bool
) -> None:
    out = tmp_path / "student"
    _run(out)
    model = tmp_path / "link" if linked else out / "model"
    if linked:
        model.symlink_to("student/model")
    with pytest.raises(TbspotError, match=r"student holds .*, which this run reads"):
        open_run(out, "train", Settings(0.2), overwrite=True, reads=[model])
    assert (out / "model").exists()
    # One that does not come to the question asks for none of them.
    open_run(out, "train", Settings(), reads=iter(lambda: pytest.fail("asked"), 0))
    open_run(out, "train", Settings(0.2), overwrite=True, reads=[tmp_path / "other"])
    assert _names(out) == {"run.json"}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES])
def test_a_run_that_cannot_be_known_now_is_neither_replaced_nor_said_to_be_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, overwrite: bool
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    _run(tmp_path)
    monkeypatch.setattr(files, "open_file", fail)
    with pytest.raises(TbspotError, match=r"run\.json cannot be read") as told:
        _run(tmp_path, overwrite=overwrite)
    assert "overwrite" not in str(told.value)
    assert _names(tmp_path) == {"run.json", "model"}


def test_a_run_inside_that_is_written_to_is_not_deleted(tmp_path: Path) -> None:
    _run(tmp_path)
    with holding(tmp_path / "second"):
        with pytest.raises(TbspotError, match="second, to which another run of tbspot writes"):
            _run(tmp_path, Settings(0.2), overwrite=True)
        assert (tmp_path / "model").exists()
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / LOCK_FILE).touch()  # as a killed one leaves it
    _run(tmp_path, Settings(0.2), overwrite=True)
    assert _names(tmp_path) == {"run.json", "model"}


def test_a_run_that_was_killed_while_it_emptied_the_folder_goes_on_emptying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path)

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "_empty", killed)
        with pytest.raises(KeyboardInterrupt):
            _run(tmp_path, Settings(0.2), overwrite=True)
    assert not check_run(tmp_path, "train", Settings(0.2))
    with pytest.raises(TbspotError, match="holds another run"):
        open_run(tmp_path, "train", Settings())
    open_run(tmp_path, "train", Settings(0.2))
    assert _names(tmp_path) == {"run.json"}


def test_a_run_killed_at_its_first_file_leaves_a_folder_that_is_free(tmp_path: Path) -> None:
    (tmp_path / ".run.json.tbspot-0123abcd.part").touch()
    (tmp_path / LOCK_FILE).touch()
    _run(tmp_path)
    assert _names(tmp_path) == {"run.json", "model"}


# Writes a part, says so, and waits to be killed.
WRITER = """
import sys, time
from pathlib import Path
from tbspot.storage import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of the page")
    print("begun", flush=True)
    time.sleep(600)
"""


def _parts(folder: Path) -> list[str]:
    return [name for name in _names(folder) if name.endswith(".part")]


def test_parts_of_killed_runs_go_and_others_stay(tmp_path: Path) -> None:
    gone = ".a.npy.tbspot-0123abcd.part"
    # Also those of an earlier tbspot, which a user's own hidden files may be called like.
    others = {"a.part", "notes.1.part", ".backup.20251128.part", ".b.99999999.0123abcd.part"}
    for name in (gone, *others):
        (tmp_path / name).touch()
    with replacing(tmp_path / "c") as temporary:
        temporary.touch()
    assert _names(tmp_path) == {*others, "c"}
    run = tmp_path / "run"
    _run(run)
    (run / "heatmaps").mkdir()
    (run / "heatmaps" / gone).touch()
    _run(run)
    assert _names(run / "heatmaps") == set()


def test_what_another_process_writes_into_a_run_s_folder_stays_until_it_is_killed(
    tmp_path: Path,
) -> None:
    _run(tmp_path)
    command = [sys.executable, "-c", WRITER, tmp_path / "report.html"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        _run(tmp_path)
        assert len(_parts(tmp_path)) == 1
        writer.send_signal(signal.SIGKILL)
    _run(tmp_path)
    assert _parts(tmp_path) == []


def test_where_there_are_no_locks_a_part_goes_by_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tbspot.storage.take", lambda _: None)
    new, old = tmp_path / ".a.tbspot-0123abcd.part", tmp_path / ".b.tbspot-0123abcd.part"
    new.touch()
    old.touch()
    os.utime(old, (0, 0))
    clear_parts(tmp_path)
    assert _names(tmp_path) == {new.name}


def test_a_folder_that_a_run_holds_is_refused_and_a_kill_frees_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TbspotError, match=f"another run of tbspot is using {tmp_path}"):
            _run(tmp_path)
        holder.send_signal(signal.SIGKILL)
    _run(tmp_path)
    assert _names(tmp_path) == {"run.json", "model"}


def test_a_run_is_refused_in_this_process_too(tmp_path: Path) -> None:
    with holding(tmp_path / "run"):
        with pytest.raises(TbspotError, match="is using"):
            _run(tmp_path / "run")
        assert (tmp_path / "run" / LOCK_FILE).exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("fault", [OSError("no such file"), TbspotError("cannot write")])
def test_a_folder_that_is_gone_is_told_in_the_place_of_what_follows_from_it(
    tmp_path: Path, fault: Exception
) -> None:
    def run() -> None:
        with holding(tmp_path / "run"):
            shutil.rmtree(tmp_path / "run")
            raise fault

    with pytest.raises(TbspotError, match="was removed, moved or emptied while this run"):
        run()


def test_a_folder_whose_files_but_hidden_ones_are_removed_is_told(tmp_path: Path) -> None:
    with holding(tmp_path / "run") as hold:
        hold.check()
        open_run(tmp_path / "run", "train", Settings())
        hold.check()
        (tmp_path / "run" / "run.json").unlink()  # as `rm -r run/*` does
        with pytest.raises(TbspotError, match="was removed, moved or emptied"):
            hold.check()


def test_another_folder_in_the_place_of_the_held_one_is_told(tmp_path: Path) -> None:
    with holding(tmp_path / "run") as hold:
        hold.check()
        (tmp_path / "run").rename(tmp_path / "moved")
        with holding(tmp_path / "run"), pytest.raises(TbspotError, match="was removed, moved"):
            hold.check()
