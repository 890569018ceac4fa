from __future__ import annotations

import pytest

from tbspot.samples.names import Names, label_and_source, without_ending


@pytest.mark.parametrize(
    ("stem", "known"),
    [
        ("CHNCXR_0327_1", (1, "shenzhen")),
        ("CHNCXR_0001_0", (0, "shenzhen")),
        ("MCUCXR_0251_1", (1, "montgomery")),
        ("MCUCXR_0002_0", (0, "montgomery")),
        ("px52", (1, "da")),
        ("nx3", (0, "da")),
        ("p7", (1, "db")),
        ("n11", (0, "db")),
        ("CHNCXR_0327_2", None),
        ("n", None),
        ("tb0001", None),
    ],
)
def test_a_file_name_tells_label_and_source(stem: str, known: tuple[int, str] | None) -> None:
    assert label_and_source(stem) == known


@pytest.mark.parametrize(
    ("names", "asked", "closest"),
    [
        (("p1/chest.png", "p2/chest.png"), "p1/chest.png", ["p1/chest.png"]),
        (("p1/chest.png", "p2/chest.png"), "p2/chest.dcm", ["p2/chest.png"]),
        (("p1/chest.png",), "p2/chest.png", []),
        (("p1/chest.png", "p2/chest.png"), "b/p2/chest.png", ["p2/chest.png"]),
        (("b/p1/chest.png", "b/p2/chest.png"), "p2/chest", ["b/p2/chest.png"]),
        (("b/p1/chest.png", "b/p2/chest.png"), "chest", ["b/p1/chest.png", "b/p2/chest.png"]),
        (("chest.png",), "p2/chest.png", ["chest.png"]),
        (("chest.png", "p1/chest.png"), "p2/chest.png", ["chest.png"]),
        (("chest.png", "p1/chest.png"), "/b/p1/chest.png", ["p1/chest.png"]),
        (("p0/chest.png", "p1/chest.png"), "p2/chest.png", []),
        (("1.2.840.3",), "a/1.2.840.4", []),
        (("SMITH.JOHN",), "SMITH.MARY", []),
        (("film.png", "film.v2.png"), "film.v2", ["film.v2.png"]),
        (("film.png",), "film.v2", []),
        (("film.jpg", "film.png.dcm"), "film.png", ["film.png.dcm"]),
        (("film.jpg", "a/film.png.dcm"), "film.png", ["film.jpg"]),
    ],
)
def test_the_closest_name_agrees_in_folders_as_far_as_both_have_them(
    names: tuple[str, ...], asked: str, closest: list[str]
) -> None:
    assert Names(names).closest(asked) == closest


@pytest.mark.parametrize("ending", [".png", ".JPG", ".dcm", ".jp2", ".npy", ".npz"])
def test_only_the_ending_of_a_format_is_no_part_of_a_name(ending: str) -> None:
    for name in ("a/SMITH.JOHN", "film.v2", "1.2.840.3", "IM000001"):
        assert without_ending(name + ending) == without_ending(name) == name
