from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.images import is_film, opening, read_pixels, read_with_facts
from tbspot.images.dicom import read_dicom
from tbspot.images.opening import shown
from tbspot.images.raster import read_raster


def test_a_film_is_told_by_its_content_whatever_its_name(film_path: Path, tmp_path: Path) -> None:
    for name in ("film.dcm", "film.jpg", "film.txt", "film", "фильм 😀.png", "x" * 240):
        shutil.copy(film_path, tmp_path / name)
        np.testing.assert_array_equal(read_pixels(tmp_path / name), read_pixels(film_path))


def test_an_empty_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").touch()
    with pytest.raises(TbspotError, match=r"a\.dcm is empty"):
        read_pixels(tmp_path / "a.dcm")


def test_an_absent_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match=r"b\.dcm does not exist; check the path"):
        read_pixels(tmp_path / "b.dcm")


def test_a_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TbspotError, match="is a folder, not a film"):
        read_pixels(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(TbspotError, match="is a pipe or device, not a film"):
        read_pixels(tmp_path / "a.png")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no device files here")
def test_a_device_is_refused() -> None:
    with pytest.raises(TbspotError, match="is a pipe or device, not a film"):
        read_pixels(Path("/dev/zero"))


@pytest.mark.parametrize("name", ["film.png", "film.tif"])
def test_a_symbolic_link_is_followed_in_a_data_set_and_refused_in_a_batch(
    film_path: Path, tmp_path: Path, name: str
) -> None:
    Image.open(film_path).save(tmp_path / name)
    link = tmp_path / f"link-{name}"
    link.symlink_to(tmp_path / name)
    np.testing.assert_array_equal(read_pixels(link), read_pixels(tmp_path / name))
    with pytest.raises(TbspotError, match="is a symbolic link; name the file it leads to"):
        read_with_facts(link)


def test_a_disk_that_fails_within_a_film_is_told_of_this_film(film_path: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    film = Failing(film_path.read_bytes())
    for read in (
        lambda: opening.sniff(film, "a.png"),
        lambda: read_raster(film, "a.png", "PNG"),
        lambda: read_dicom(film, "a.png"),
    ):
        with pytest.raises(TbspotError, match=r"a\.png cannot be read \(Input/output error\)"):
            read()


def test_links_that_lead_in_a_circle_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(TbspotError, match="cannot be opened"):
        read_pixels(tmp_path / "a.png")


def test_archives_say_what_to_do_with_them(film_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(gzip.compress(film_path.read_bytes()))
    with zipfile.ZipFile(tmp_path / "b.dcm", "w") as archive:
        archive.write(film_path)
    for name, what in (("a.png", "a gzip archive"), ("b.dcm", "a zip archive")):
        with pytest.raises(TbspotError, match=f"{name} is {what}; unpack it first"):
            read_pixels(tmp_path / name)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"GIF89a", "a GIF picture; save it as PNG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture; save it as PNG"),
        (b"\0\0\0\x1cftypavif", "an AVIF picture; save it as PNG"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture; save it as PNG"),
        (b"P5 512 512 255\n", "a PGM picture; save it as PNG"),
        (b"8BPS\0\1", "a Photoshop picture; save it as PNG"),
        (b"Rar!\x1a\x07\0", "a RAR archive; unpack it first"),
        (b"\0" * 257 + b"ustar", "a tar archive; unpack it first"),
        (b"\x5c\x01\0\0" + b"\0" * 340 + b"n+1\0", "a NIfTI volume; export the film"),
        (b"\xef\xbb\xbf <?xml version='1.0'?>", "an XML file; export the film"),
        (b"\0\0\0\x18ftypisom", "a video; save the picture as PNG"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(
    tmp_path: Path, start: bytes, what: str
) -> None:
    (tmp_path / "a.png").write_bytes(start + b"\0" * 200)
    with pytest.raises(TbspotError, match=f"a.png is {what}"):
        read_pixels(tmp_path / "a.png")


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize(
    "first", ["SOPClassUID", "Modality", "PatientOrientation", "SamplesPerPixel"]
)
def test_a_bare_data_set_may_start_at_any_element(
    write_dicom: Callable[..., Path],
    twelve_bits: NDArray[np.uint16],
    implicit: bool,
    little: bool,
    first: str,
) -> None:
    if implicit and not little:
        return  # no transfer syntax is both
    syntax = pydicom.uid.ExplicitVRLittleEndian if little else pydicom.uid.ExplicitVRBigEndian
    path = write_dicom(twelve_bits, syntax=syntax, BitsStored=12, WindowCenter=2048,
                       WindowWidth=4096, PatientOrientation=["L", "F"])  # fmt: skip
    whole = pydicom.dcmread(path)
    for tag in [tag for tag in whole if tag.tag < pydicom.tag.Tag(first)]:
        del whole[tag.tag]
    del whole.file_meta
    whole.save_as(path, enforce_file_format=False, implicit_vr=implicit, little_endian=little)
    np.testing.assert_allclose(read_pixels(path), twelve_bits / 4095, atol=1e-6)


def test_file_meta_without_preamble_is_read(
    write_dicom: Callable[..., Path], twelve_bits: NDArray[np.uint16]
) -> None:
    path = write_dicom(twelve_bits, BitsStored=12, WindowCenter=2048, WindowWidth=4096)
    whole = read_pixels(path)
    path.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(read_pixels(path), whole)


def test_what_is_no_image_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("not a film", "utf-8")
    with pytest.raises(TbspotError, match=r"notes\.png is not an image \(DICOM, PNG"):
        read_pixels(tmp_path / "notes.png")


def test_a_file_of_too_many_bytes_is_refused_unread(
    film_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MOST_BYTES", 1000)
    with pytest.raises(TbspotError, match=r"bytes, more than 1,000; export it smaller"):
        read_pixels(film_path)


def test_a_path_no_system_opens_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "a\0b", tmp_path / ("x" * 300)):
        with pytest.raises(TbspotError, match="cannot be opened"):
            read_pixels(path)


def test_a_sentence_holds_no_character_that_moves_a_terminal() -> None:
    assert shown(Path("a\x1b[2Jb\nc\udcff.png")) == "a�[2Jb�c�.png"
    assert shown(Path("фильм.png")) == "фильм.png"


def test_a_film_of_a_folder_is_told_by_its_ending_or_as_it_begins(tmp_path: Path) -> None:
    for name in ("IM000001", "1.2.840.17", "DICOMDIR"):
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "notes.txt").write_text("II, of two films")
    (tmp_path / "patient7.jfif").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "patient8").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "link").symlink_to(tmp_path / "IM000001")
    os.mkfifo(tmp_path / "pipe")
    films = ("a.PNG", "b.dcm", "IM000001", "1.2.840.17", "patient7.jfif", "patient8")
    others = ("DICOMDIR", "notes.txt", "link", "pipe")
    assert [is_film(tmp_path / name) for name in films] == [True] * len(films)
    assert [is_film(tmp_path / name) for name in others] == [False] * len(others)
    assert is_film(tmp_path / "link", follow_links=True)
