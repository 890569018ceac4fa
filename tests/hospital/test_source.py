"""What is taken over from a film: exactly, or not at all."""

from __future__ import annotations

import errno
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from results import SERIES, STUDY
from tbspot.errors import TbspotError
from tbspot.hospital.source import REQUIRED, maker_of, read_identifiers, read_source

Write = Callable[..., Path]

NAMES = {
    "ISO_IR 100": "Buc^Jérôme",
    "ISO_IR 144": "Люкceмбypг",  # noqa: RUF001
    "ISO_IR 192": "王^小東",
    "GB18030": "王^小东",
    ("", "ISO 2022 IR 87"): "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ("", "ISO 2022 IR 149"): "Hong^Gildong=洪^吉洞=홍^길동",
}


@pytest.mark.parametrize("sets", NAMES)
def test_a_name_of_any_character_set_is_the_same_in_utf_8(write_film: Write, sets: Any) -> None:
    path = write_film(SpecificCharacterSet=list(sets) if isinstance(sets, tuple) else sets,
                      PatientName=NAMES[sets])  # fmt: skip
    identifiers = read_source(path).identifiers
    assert str(identifiers.PatientName) == NAMES[sets]
    assert identifiers.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize(
    "raw",
    [
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\x1b$)A\xb6\xab",
    ],
)
def test_a_chinese_name_in_a_set_that_is_called_is_the_same_in_utf_8(
    write_film: Write, raw: bytes
) -> None:
    path = write_film(SpecificCharacterSet=["", "ISO 2022 IR 58"])
    _set_bytes(path, "PatientName", raw)
    name = str(read_source(path).identifiers.PatientName)
    assert name.rstrip("=") == "Zhang^XiaoDong=张^小东"


@pytest.mark.parametrize("sets", ["ISO_IR 13", ["ISO 2022 IR 13", "ISO 2022 IR 87"]])
@pytest.mark.parametrize("number", [b"A~1 ", b"A\\1 ", b"A~\xd4 "])
def test_a_number_with_a_letter_of_japan_alone_is_not_taken_for_another(
    write_film: Write, sets: Any, number: bytes
) -> None:
    path = write_film(SpecificCharacterSet=sets)
    _set_bytes(path, "PatientID", number)
    with pytest.raises(TbspotError, match="PatientID that cannot be copied exactly"):
        read_source(path)


@pytest.mark.parametrize(
    ("name", "copied"),
    [("A^B^C^D^E", "A^B^C^D^E"), ("A^B^C^D^E^F", ""), ("A^B=C^D^E^F^G^H", "")],
)
def test_a_name_of_more_parts_than_the_standard_has_is_left_empty(
    write_film: Write, name: str, copied: str
) -> None:
    path = write_film()
    _set_bytes(path, "PatientName", name)
    assert str(read_source(path).identifiers.PatientName) == copied


def test_identifiers_and_references_are_taken_over_and_nothing_else(write_film: Write) -> None:
    path = write_film(
        PatientID="P-1", IssuerOfPatientID="HERE", AccessionNumber="A-1", PatientSex="F",
        PatientAddress="PLANTED STREET", PatientAge="047Y", OperatorsName="PLANTED",
    )  # fmt: skip
    with pydicom.dcmread(path) as film:
        film.private_block(0x0011, "PLANTED PRIVATE", create=True).add_new(1, "LO", "PLANTED")
        film.save_as(path)
    source = read_source(path)
    assert source.identifiers.PatientID == "P-1"
    assert source.identifiers.IssuerOfPatientID == "HERE"
    assert source.identifiers.AccessionNumber == "A-1"
    assert source.reference.StudyInstanceUID == STUDY
    assert source.reference.SeriesInstanceUID == SERIES
    known = {*REQUIRED, "IssuerOfPatientID", "StudyDescription", "SpecificCharacterSet"}
    assert {element.keyword for element in source.identifiers} <= known
    assert "STREET" not in str(source) + str(source.identifiers) + str(source.reference)


def test_a_film_without_a_patient_has_empty_identifiers(write_film: Write) -> None:
    source = read_source(write_film(PatientName="", PatientID=""))
    assert all(source.identifiers[keyword].is_empty for keyword in ("PatientName", "PatientID"))


@pytest.mark.parametrize(
    "keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]
)
@pytest.mark.parametrize("value", [None, "", "1.2.03", "1..2", "1." + "2" * 64, "PLANTED"])
def test_without_a_uid_that_an_archive_needs_there_is_one_sentence(
    write_film: Write, keyword: str, value: str | None
) -> None:
    path = write_film()
    _set_bytes(path, keyword, value)
    with pytest.raises(TbspotError, match="so no archive could keep a result") as caught:
        read_source(path)
    assert keyword in str(caught.value)
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "why"),
    [("1.2.03", "a part with a 0 in front"), ("1..2", "a part without a digit"),
     ("1." + "2" * 64, "more than 64 characters"),
     ("PLANTED", "a character that is neither a digit nor a point")],
)  # fmt: skip
def test_an_illegal_uid_is_not_told_as_an_absent_one(
    write_film: Write, value: str, why: str
) -> None:
    path = write_film()
    _set_bytes(path, "SOPInstanceUID", value)
    with pytest.raises(TbspotError, match=rf"has an illegal SOPInstanceUID \({why}\)"):
        read_source(path)


def _set_bytes(path: Path, keyword: str, value: str | bytes | None) -> None:
    """Set a tag past all checks of pydicom, as a bad exporter would."""
    film = pydicom.dcmread(path)
    if value is None:
        delattr(film, keyword)
    else:
        vr = film[keyword].VR if keyword in film else pydicom.datadict.dictionary_VR(keyword)
        tag = pydicom.datadict.tag_for_keyword(keyword)
        raw = value if isinstance(value, bytes) else value.encode()
        raw += b" " * (len(raw) % 2)
        film[keyword] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(tag), vr, len(raw), raw, 0, False, True
        )
    pydicom.dcmwrite(path, film, enforce_file_format=False)


@pytest.mark.parametrize("keyword", ["PatientID", "IssuerOfPatientID"])
@pytest.mark.parametrize("value", [b"PLANTED\\B", b"P" * 66, b"P\x01LANTED", b"P\xff\xfe"])
def test_a_patients_number_that_cannot_be_copied_exactly_is_one_sentence(
    write_film: Write, keyword: str, value: bytes
) -> None:
    path = write_film(SpecificCharacterSet="ISO_IR 192")
    _set_bytes(path, keyword, value)
    with pytest.raises(TbspotError, match="cannot be copied exactly") as caught:
        read_source(path)
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", b"W "),
        ("PatientSex", b"female"),
        ("PatientBirthDate", b"1960"),
        ("PatientBirthDate", b"19600101-19700101 "),
        ("PatientBirthDate", b"PLANTED "),
        ("StudyDate", b"2024.01.02"),
        ("StudyDate", b"20241399"),
        ("StudyTime", b"25:00:00"),
        ("StudyTime", b"0800-0900 "),
        ("AccessionNumber", b"A1\\A2 "),
        ("AccessionNumber", b"A" * 20),
        ("StudyID", b"S" * 18),
        ("StudyDescription", b"D" * 70),
        ("StudyDescription", b"two\r\nlines"),
        ("PatientName", b"A" * 70),
        ("PatientName", b"A^B\\C^D "),
        ("PatientName", b"A=B=C=D "),
        ("PatientName", b"\xff\xfe\xfd"),
        ("ReferringPhysicianName", b"A^B\\C^D "),
    ],
)
def test_what_only_describes_is_left_empty_where_the_standard_forbids_it(
    write_film: Write, keyword: str, value: bytes
) -> None:
    path = write_film(SpecificCharacterSet="ISO_IR 192")
    _set_bytes(path, keyword, value)
    identifiers = read_source(path).identifiers
    assert not identifiers.get(keyword)


def test_letters_of_an_unknown_character_set_are_not_guessed(write_film: Write) -> None:
    path = write_film(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"NO_SUCH 00"))
    assert not read_source(path).identifiers.PatientName


UNDECLARED = [None, "", "ISO_IR 6", ["ISO 2022 IR 6", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"]]


@pytest.mark.parametrize("sets", UNDECLARED)
@pytest.mark.parametrize("value", ["Mü-12".encode(), "Mü-12".encode("latin-1")])
def test_a_number_in_letters_that_no_character_set_declares_is_one_sentence(
    write_film: Write, sets: Any, value: bytes
) -> None:
    path = write_film(SpecificCharacterSet=sets)
    _set_bytes(path, "PatientID", value)
    for read in (read_source, read_identifiers):
        with pytest.raises(TbspotError, match="PatientID that cannot be copied exactly"):
            read(path)


@pytest.mark.parametrize("sets", UNDECLARED)
def test_a_name_in_letters_that_no_character_set_declares_is_left_empty(
    write_film: Write, sets: Any
) -> None:
    path = write_film(SpecificCharacterSet=sets)
    _set_bytes(path, "PatientName", "Müller^Jörg".encode())
    assert not read_source(path).identifiers.PatientName


@pytest.mark.parametrize(
    "value", [b"Hong^\x1b$)C\xb1\xe6=\xfb\xf3", b"A\x1b(B\xe9", b"\x1b$)C\xb1\xe6^\xb1\xe6"]
)
def test_letters_after_the_end_of_the_set_that_was_called_are_not_guessed(
    write_film: Write, value: bytes
) -> None:
    path = write_film(SpecificCharacterSet=["", "ISO 2022 IR 149"])
    _set_bytes(path, "PatientName", value)
    assert not read_source(path).identifiers.PatientName


def test_a_number_in_a_declared_character_set_is_copied(write_film: Write) -> None:
    path = write_film(SpecificCharacterSet="ISO_IR 100")
    _set_bytes(path, "PatientID", "Mü-12".encode("latin-1"))
    assert read_source(path).identifiers.PatientID == "Mü-12"


def test_what_a_reader_of_dicom_warns_of_is_not_printed(
    write_film: Write,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    path = write_film(PatientName="PLANTED", SpecificCharacterSet="ISO_IR 100")
    _set_bytes(path, "PatientBirthDate", b"PLANTED ")
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"PLANTED 00"))
    recwarn.clear()
    caplog.clear()
    read_source(path)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
    assert not caplog.records


def test_a_picture_that_is_no_dicom_is_one_sentence(film_path: Path) -> None:
    with pytest.raises(TbspotError, match="is a PNG file; only a DICOM film has results"):
        read_source(film_path)


def _element(keyword: str, value: bytes) -> bytes:
    tag = pydicom.datadict.tag_for_keyword(keyword)
    vr = pydicom.datadict.dictionary_VR(keyword).encode()
    assert tag is not None
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


@pytest.mark.parametrize("read", [read_source, read_identifiers])
@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PatientID", b"PLANTED-ID"), ("AccessionNumber", b"PLANTED-NO"),
     ("StudyInstanceUID", b"1.2.3.45")],
)  # fmt: skip
@pytest.mark.parametrize("place", ["beside", "before", "behind the pixels", "only there"])
def test_a_tag_that_stands_twice_or_out_of_its_order_is_one_sentence(
    write_film: Write, read: Any, keyword: str, value: bytes, place: str
) -> None:
    path = write_film(**{keyword: value.decode()})
    film, own = path.read_bytes(), _element(keyword, value)
    other = _element(keyword, value[:-1] + b"9")
    first = film.index(b"\x08\x00")
    assert film.count(own) == 1
    changed = {
        "beside": film.replace(own, own + other),
        "before": film[:first] + other + film[first:],
        "behind the pixels": film + other,
        "only there": film.replace(own, b"") + own,
    }
    path.write_bytes(changed[place])
    # A tag before its place has others behind theirs.
    named = "" if place == "before" else keyword
    with pytest.raises(TbspotError, match=f"{named} twice or in a wrong place") as caught:
        read(path)
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("keyword", ["PixelSpacing", "NominalScannedPixelSpacing"])
def test_a_shape_of_pixels_that_stands_twice_is_the_last(
    write_film: Write, keyword: str, again: bool
) -> None:
    path = write_film(**{keyword: [0.1, 0.1]})
    own = _element(keyword, b"0.1\\0.1 ")
    film = path.read_bytes()
    assert film.count(own) == 1
    path.write_bytes(film.replace(own, own + (own if again else _element(keyword, b"0.2\\0.1 "))))
    assert read_source(path).pixel_ratio == (1 if again else 2)


@pytest.mark.parametrize(
    ("said", "taken"),
    [("L\\F", ["L", "F"]), ("LAF\\FP", ["LAF", "FP"]), ("LR\\F", []), ("LL\\F", []),
     ("L\\HFP", []), ("L\\X", []), ("L", [])],
)  # fmt: skip
def test_an_orientation_that_the_standard_does_not_have_is_none(
    write_film: Write, said: str, taken: list[str]
) -> None:
    assert read_source(write_film(PatientOrientation=said)).reference.PatientOrientation == taken


@pytest.mark.parametrize("representation", [b"??", b"\0\0", b"lo"])
def test_an_element_of_an_illegal_representation_costs_no_result(
    write_film: Write, representation: bytes
) -> None:
    path = write_film(PatientID="P-1")
    content = path.read_bytes()
    place = content.index(struct.pack("<HH2s", 0x0028, 0x0002, b"US"))
    odd = struct.pack("<HH2sH", 0x0019, 0x1010, representation, 4) + b"AAAA"
    path.write_bytes(content[:place] + odd + content[place:])
    assert read_source(path).identifiers.PatientID == "P-1"
    assert pydicom.config.assume_implicit_vr_switch
    # Of whose it is there is no second number behind it.
    again = struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 4) + b"P-2 "
    path.write_bytes(content[:place] + odd + again + content[place:])
    with pytest.raises(TbspotError, match="has its PatientID twice or in a wrong place"):
        read_source(path)


@pytest.mark.parametrize("value", [b"L\\F ", b"R\\F "])
def test_what_only_describes_and_stands_twice_is_unknown(write_film: Write, value: bytes) -> None:
    path = write_film(PatientOrientation=["L", "F"], StudyDescription="PLANTED ")
    film = path.read_bytes()
    for keyword, own, other in (
        ("PatientOrientation", b"L\\F ", value), ("StudyDescription", b"PLANTED ", b"PLANTED "),
    ):  # fmt: skip
        assert film.count(_element(keyword, own)) == 1
        both = _element(keyword, own) + _element(keyword, other)
        film = film.replace(_element(keyword, own), both)
    path.write_bytes(film)
    source = read_source(path)
    assert source.reference.PatientOrientation == []
    assert "StudyDescription" not in source.identifiers
    assert source.identifiers.PatientID == "PLANTED-ID"


def test_a_private_element_before_its_place_puts_no_other_in_a_wrong_one(
    write_film: Write,
) -> None:
    path = write_film()
    film = path.read_bytes()
    patient = film.index(b"\x10\0\x10\0PN")
    router = struct.pack("<HH2sH", 0x29, 0x10, b"LO", 6) + b"ROUTER"
    path.write_bytes(film[:patient] + router + film[patient:])
    assert read_source(path).identifiers.PatientID == "PLANTED-ID"


@pytest.mark.parametrize("rest", [b"\0" * 511, b"\xff" * 512, b"\xfe\xff\xdd\xe0\0\0\0\0", b"1"])
def test_what_stands_behind_the_pixels_and_is_no_tag_is_none_of_ours(
    write_film: Write, rest: bytes
) -> None:
    path = write_film()
    path.write_bytes(path.read_bytes() + rest)
    assert read_source(path).identifiers.PatientID == "PLANTED-ID"


def test_a_number_in_a_sequence_is_another_than_the_films(write_film: Write) -> None:
    path = write_film()
    film = pydicom.dcmread(path)
    other = pydicom.Dataset()
    other.PatientID = "OTHER"
    film.OtherPatientIDsSequence = film.ReferencedStudySequence = [other]
    film["OtherPatientIDsSequence"].is_undefined_length = True
    film.save_as(path)
    assert read_source(path).identifiers.PatientID == "PLANTED-ID"


def test_a_deflated_film_and_one_of_other_byte_order_are_walked_too(write_film: Write) -> None:
    path = write_film()
    film = pydicom.dcmread(path)
    for syntax in ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2"):
        film.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
        implicit, little = syntax == "1.2.840.10008.1.2", syntax != "1.2.840.10008.1.2.2"
        pydicom.dcmwrite(path, film, implicit_vr=implicit, little_endian=little,
                         force_encoding=True)  # fmt: skip
        assert read_source(path).identifiers.PatientID == "PLANTED-ID"
    assert maker_of(path) == "PLANTED MAKER"


def test_a_maker_that_stands_twice_is_not_known(write_film: Write) -> None:
    path = write_film()
    own = _element("Manufacturer", b"PLANTED MAKER ")
    path.write_bytes(path.read_bytes().replace(own, own + own))
    assert not maker_of(path)


def test_a_broken_file_is_one_sentence(write_film: Write) -> None:
    path = write_film()
    path.write_bytes(path.read_bytes()[:200] + b"\xff" * 50)
    with pytest.raises(TbspotError):
        read_source(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_followed_only_when_told(write_film: Write, tmp_path: Path) -> None:
    link = tmp_path / "link.dcm"
    link.symlink_to(write_film())
    assert read_source(link, follow_links=True).reference.StudyInstanceUID == STUDY
    with pytest.raises(TbspotError, match="symbolic link"):
        read_source(link)


def test_a_film_that_cannot_be_read_now_is_not_said_to_be_broken(
    write_film: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("tbspot.hospital.source.dcmread", fail)
    with pytest.raises(TbspotError, match=r"cannot be read \(Input/output error\)"):
        read_source(write_film())
