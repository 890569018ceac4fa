from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tbspot.errors import TbspotError
from tbspot.samples.sample import TruthBox
from tbspot.samples.sources import read_source
from tbspot.samples.table import Columns, read_table


@pytest.fixture
def write(tmp_path: Path, film: Callable[..., Path]) -> Callable[[str], Path]:
    """Write a table beside the films a.png, b.png (16 x 16) and sub/c.png."""
    for name in ("a.png", "b.png", "sub/c.png"):
        film(tmp_path / "set" / name)

    def write_table(text: str) -> Path:
        path = tmp_path / "set" / "films.csv"
        path.write_text(text)
        return path

    return write_table


def test_path_and_label_are_enough(write: Callable[[str], Path]) -> None:
    samples = read_table(write("path,label\na.png,1\nsub/c.png,0\n")).samples
    assert [
        (one.name, one.label, one.source, one.patient, one.split, one.boxes) for one in samples
    ] == [("a.png", 1, "set", "a", "", None), ("sub/c.png", 0, "set", "sub/c", "", None)]


@pytest.mark.parametrize(
    ("names", "patients"),
    [
        (["1.2.840.1", "1.2.840.2", "1.2.840.3.dcm"], ["1.2.840.1", "1.2.840.2", "1.2.840.3"]),
        (["SMITH.JOHN", "SMITH.MARY", "SMITH.ANN.png"], ["SMITH.JOHN", "SMITH.MARY", "SMITH.ANN"]),
    ],
    ids=["UIDs", "dots"],
)
def test_films_whose_names_hold_dots_are_each_a_patient(
    write: Callable[[str], Path], film: Callable[..., Path], names: list[str], patients: list[str]
) -> None:
    path = write("path,label\n{},1\n{},0\n{},0\n".format(*names))
    for name in names:
        film(path.parent / "drawn.png").rename(path.parent / name)
    assert [one.patient for one in read_table(path).samples] == patients


def test_the_optional_columns_are_read_where_they_are(write: Callable[[str], Path]) -> None:
    text = 'path,label,patient,split,source,boxes\na.png,1,p7,test,clinic,"[[1, 2, 5, 6]]"\n'
    (film,) = read_table(write(text)).samples
    assert (film.patient, film.split, film.source) == ("p7", "test", "clinic")
    assert film.boxes == (TruthBox(1, 2, 5, 6, "uncertain"),)


def test_columns_may_have_any_names_and_a_value_means_tb(write: Callable[[str], Path]) -> None:
    path = write("file,finding,who\na.png,pneumonia,1\nb.png,no finding,1\n")
    columns = Columns(path="file", label="finding", patient="who")
    samples = read_table(path, columns, positive="pneumonia").samples
    assert [(one.label, one.patient) for one in samples] == [(1, "1"), (0, "1")]


@pytest.mark.parametrize("role", ["patient", "split", "source", "boxes"])
def test_a_column_that_an_option_names_must_be_there(
    write: Callable[[str], Path], role: str
) -> None:
    path = write("path,label,patient_id\na.png,1,p\n")
    with pytest.raises(TbspotError, match=r"has no column 'PatientID' \(it has 'path', 'label'"):
        read_table(path, Columns(**{role: "PatientID"}))
    with pytest.raises(TbspotError, match=f"has no column '{role}'"):
        read_source(f"{path}?{role}={role}")


def test_a_value_that_no_row_has_means_no_label(write: Callable[[str], Path]) -> None:
    path = write("path,finding\na.png,tb\nb.png,none\nb2.png,none\n")
    with pytest.raises(TbspotError, match=r"no row whose 'finding' is 'TB' \(there are: .*'tb'"):
        read_table(path, Columns(label="finding"), positive="TB")


@pytest.mark.parametrize("other", ["tb", "TB|Effusion", "Effusion; tb"])
def test_a_value_that_means_tb_in_other_letters_or_among_others_in_some_rows_is_refused(
    write: Callable[[str], Path], other: str
) -> None:
    path = write(f"path,finding\na.png,TB\nb.png,{other}\nb2.png,normal\n")
    said = rf"is 'TB' and rows where it is '{re.escape(other)}'; write the one"
    with pytest.raises(TbspotError, match=said):
        read_table(path, Columns(label="finding"), positive="TB")


def test_a_list_of_findings_that_means_tb_is_no_other_in_other_letters(
    write: Callable[[str], Path],
) -> None:
    path = write("path,finding\na.png,TB|Effusion\nb.png,tb|effusion\nb2.png,normal\n")
    with pytest.raises(TbspotError, match=r"is 'TB\|Effusion' and rows where it is 'tb\|effusion'"):
        read_table(path, Columns(label="finding"), positive="TB|Effusion")


def test_a_table_of_films_without_tb_says_so(write: Callable[[str], Path]) -> None:
    path = write("path,finding\na.png,normal\nb.png,other\n")
    reading = read_table(path, Columns(label="finding"), positive="TB")
    assert [sample.label for sample in reading.samples] == [0, 0]
    assert "no row whose 'finding' is 'TB' (there are: 'normal', 'other')" in reading.notes[-1]


def test_the_value_that_means_tb_may_be_that_of_an_absent_film(
    write: Callable[[str], Path],
) -> None:
    path = write("path,label\na.png,none\nabsent.png,tb\n")
    assert read_table(path, positive="tb").absent[1] == 1


def test_boxes_may_say_their_kind_and_an_empty_list_says_none(write: Callable[[str], Path]) -> None:
    text = 'path,label,boxes\na.png,1,"[[1, 2, 5, 6, ""latent""]]"\nb.png,1,[]\n'
    first, second = read_table(write(text)).samples
    assert first.boxes == (TruthBox(1, 2, 5, 6, "latent"),)
    assert second.boxes == ()


def test_absent_films_are_counted_by_class_and_left_out(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    reading = read_table(write("path,label\na.png,1\nx.png,0\ny.png,0\n"))
    assert (len(reading.samples), reading.absent[0], reading.absent[1]) == (1, 2, 0)
    sought = tmp_path / "set" / "x.png"
    assert reading.notes[0].endswith(
        f"left out: 2 (0 TB, 2 not TB); the first was sought at {sought}"
    )


def test_a_path_of_windows_is_told_as_it_was_sought(write: Callable[[str], Path]) -> None:
    reading = read_table(write("path,label\na.png,1\nsub\\c.png,0\n"))
    assert reading.notes[0].endswith(r"sub\c.png, with a \: write / between folders")


def test_a_byte_order_mark_is_no_part_of_a_column_name(write: Callable[[str], Path]) -> None:
    path = write("")
    path.write_bytes("\ufeffpath,label\na.png,1\n".encode())
    assert len(read_table(path).samples) == 1


def test_spaces_beside_commas_are_no_part_of_a_column_or_a_cell(
    write: Callable[[str], Path],
) -> None:
    text = 'path, label , patient, why\na.png, 1, "p, 7", "two\nlines"\n\nb.png,2,p8,\n'
    with pytest.raises(TbspotError, match="line 5, has the label '2'"):
        read_table(write(text))
    first, _ = read_table(write(text.replace(",2,", ",0,"))).samples
    assert (first.label, first.patient) == (1, "p, 7")


def test_a_name_that_the_system_refuses_counts_as_absent(write: Callable[[str], Path]) -> None:
    assert read_table(write(f"path,label\n{'x' * 300}.png,1\n")).absent[1] == 1


@pytest.mark.parametrize("name", ["../secret.png", "sub/../../secret.png", "/etc/film.png"])
def test_a_path_out_of_the_folder_is_refused(write: Callable[[str], Path], name: str) -> None:
    with pytest.raises(TbspotError, match="leads out of"):
        read_table(write(f"path,label\n{name},1\n"))


def test_root_lets_films_lie_elsewhere(write: Callable[[str], Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "lists"
    elsewhere.mkdir()
    path = write("path,label\nset/a.png,1\n").rename(elsewhere / "films.csv")
    (film,) = read_table(path, root=tmp_path).samples
    assert (film.name, film.path) == ("set/a.png", tmp_path / "set" / "a.png")


def test_an_absolute_path_inside_the_folder_is_allowed(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    (film,) = read_table(write(f"path,label\n{tmp_path / 'set' / 'a.png'},1\n")).samples
    assert film.name == "a.png"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("path\na.png\n", "has no column 'label'"),
        ("file,label\na.png,1\n", r"question mark, as in labels.csv\?path=file&label=finding"),
        ("path,label\na.png,1\na.png,1\n", "one row a film, with all its boxes in one cell"),
        ("", "it has none"),
        ("path,label\na.png,yes\n", r"line 2, has the label 'yes', not 1 \(TB\) or 0"),
        ("path,label\na.png,\n", "line 2, has no label"),
        ("path,label\na.png\n", "line 2, has no label"),
        ("path,label\n,1\n", "line 2, names no film"),
        ("path,label\na.png,1\na.png,1\n", "line 3, lists a.png a second time"),
        ("path;label\na.png;1\n", "save it with commas, not semicolons"),
        ("path\tlabel\na.png\t1\n", "save it with commas, not tabs"),
        (
            'path,label,why\na.png,1,"see\nb.png,0,\n',
            "line 2, has a cell that begins with",
        ),
        (
            'path,label,why\na.png,1,"see\nb.png,0,"x"\n',
            "line 2, has a cell that begins with",
        ),
        ('path,label\n"a.png,1\nb.png",0\n', "line 2, has a line end in the cell of 'path'"),
        ("path,label,boxes\na.png,1,here\n", "line 2, has boxes that are not a JSON list"),
        ("path,label,boxes\na.png,1,[[1]]\n", "line 2, has boxes that are not a JSON list"),
        ('path,label,boxes\na.png,1,"[1,1,5,9]"\n', r"such as \[\[10, 20, 110, 90\]\]; correct"),
        ('path,label,boxes\na.png,1,"[[9,9,3,5]]"\n', "left, top, right and bottom are wanted"),
        ('path,label,boxes\na.png,1,"[[true,1,5,5]]"\n', "line 2, has boxes that are not a JSON"),
        ('path,label,boxes\na.png,1,"[[""1"",1,5,5]]"\n', "line 2, has boxes that are not a JSON"),
        ('path,label,boxes\na.png,1,"[[1,1,1,5]]"\n', "line 2, has a box of zero size"),
        ('path,label,boxes\na.png,1,"[[1,1,5,40]]"\n', "outside its image of 16 x 16"),
        ('path,label,boxes\na.png,1,"[[-0.9,0,-0.1,5]]"\n', "outside its image of 16 x 16"),
        ('path,label,boxes\na.png,1,"[[0,16,5,16.5]]"\n', "outside its image of 16 x 16"),
    ],
)
def test_a_wrong_table_is_one_clear_sentence(
    write: Callable[[str], Path], text: str, fault: str
) -> None:
    with pytest.raises(TbspotError, match=fault):
        read_table(write(text))


def test_boxes_on_a_file_that_is_no_image_are_one_clear_sentence(
    write: Callable[[str], Path],
) -> None:
    path = write('path,label,boxes\nempty.png,1,"[[1,1,5,5]]"\n')
    (path.parent / "empty.png").touch()
    with pytest.raises(TbspotError, match=r"empty\.png"):
        read_table(path)


def test_a_table_that_is_not_text_is_one_clear_sentence(write: Callable[[str], Path]) -> None:
    path = write("")
    path.write_bytes(b"path,label\n\xff\xfe,1\n")
    with pytest.raises(TbspotError, match=r"cannot be read as a CSV file: .* save it as CSV UTF-8"):
        read_table(path)


def test_a_root_with_a_step_back_up_is_the_folder_that_it_leads_to(
    tmp_path: Path, film: Callable[..., Path]
) -> None:
    film(tmp_path / "films" / "one.png")
    (tmp_path / "tables").mkdir()
    listed = tmp_path / "tables" / "films.csv"
    listed.write_text("path,label\none.png,1\n", "utf-8")
    for root in (tmp_path / "tables" / ".." / "films", tmp_path / "films"):
        (sample,) = read_source(f"{tmp_path}/tables/../tables/films.csv?root={root}").samples
        assert (sample.name, sample.path.resolve()) == ("one.png", tmp_path / "films" / "one.png")
