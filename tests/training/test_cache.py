from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tbspot.errors import TbspotError
from tbspot.images import read_pixels
from tbspot.samples.sample import Sample
from tbspot.training import cache
from tbspot.training.cache import cache_films, fingerprint_of, remembered


def _samples(folder: Path, count: int = 3) -> list[Sample]:
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    samples = []
    for index in range(count):
        path = folder / f"{index}.png"
        Image.fromarray(generator.integers(0, 256, (40, 30), np.uint8)).save(path)
        samples.append(Sample(path, path.name, index % 2, "drawn", str(index)))
    return samples


def test_films_are_cached_in_order_in_the_net_s_frame(tmp_path: Path) -> None:
    samples = _samples(tmp_path)
    films = cache_films(samples, 40, None, tmp_path / "cache").pixels
    assert films.shape == (3, 40, 40)
    assert films.dtype == np.uint8
    assert not films.flags.writeable
    original = np.asarray(Image.open(samples[1].path))
    # Only the width is stretched, so columns at the border keep their values.
    assert np.array_equal(films[1][:, 0], original[:, 0])


def test_films_reduced_first_are_less_sharp(tmp_path: Path) -> None:
    samples = _samples(tmp_path)
    sharp = cache_films(samples, 40, None, tmp_path / "cache")
    soft = cache_films(samples, 40, 16, tmp_path / "cache")
    assert soft.fingerprint != sharp.fingerprint
    assert soft.pixels.std() < 0.7 * sharp.pixels.std()


def test_films_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = _samples(tmp_path)
    first = cache_films(samples, 32, None, tmp_path / "cache")

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(cache, "read_pixels", refuse)
    again = cache_films(samples, 32, None, tmp_path / "cache")
    assert again.fingerprint == first.fingerprint
    assert np.array_equal(again.pixels, first.pixels)


def test_a_changed_film_is_decoded_again(tmp_path: Path) -> None:
    samples = _samples(tmp_path)
    first = cache_films(samples, 32, None, tmp_path / "cache")
    Image.new("L", (30, 40), 77).save(samples[0].path)
    again = cache_films(samples, 32, None, tmp_path / "cache")
    assert (again.pixels[0] == 77).all()
    assert np.array_equal(again.pixels[1:], first.pixels[1:])


def test_another_order_is_another_cache(tmp_path: Path) -> None:
    samples = _samples(tmp_path)
    first = cache_films(samples, 32, None, tmp_path / "cache")
    turned = cache_films(samples[::-1], 32, None, tmp_path / "cache")
    assert np.array_equal(turned.pixels[0], first.pixels[2])


def test_films_that_have_each_other_s_name_and_time_are_decoded_again(tmp_path: Path) -> None:
    samples = _samples(tmp_path)
    for number, one in enumerate(samples):
        Image.new("L", (30, 40), 50 * number).save(one.path.with_suffix(".tif"))
        os.utime(one.path.with_suffix(".tif"), (1e9, 1e9))
    films = [replace(one, path=one.path.with_suffix(".tif")) for one in samples]
    assert cache_films(films, 32, None, tmp_path / "cache").pixels[:, 0, 0].tolist() == [0, 50, 100]
    films[0].path.rename(tmp_path / "other")
    films[1].path.rename(films[0].path)
    (tmp_path / "other").rename(films[1].path)
    again = cache_films(films, 32, None, tmp_path / "cache")
    assert again.pixels[:, 0, 0].tolist() == [50, 0, 100]


def test_films_that_another_tbspot_read_are_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = _samples(tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(cache, "__version__", "0.1")
        earlier.setattr(cache, "read_pixels", lambda path: 1 - read_pixels(path))
        before = cache_films(samples, 40, None, tmp_path / "cache")
    now = cache_films(samples, 40, None, tmp_path / "cache")
    assert now.fingerprint != before.fingerprint
    assert np.allclose(now.pixels, 255.0 - before.pixels, atol=1)


def test_all_films_that_cannot_be_read_are_told_at_once(tmp_path: Path) -> None:
    samples = _samples(tmp_path)
    for one in samples[1:]:
        one.path.write_bytes(one.path.read_bytes()[:200])
    with pytest.raises(TbspotError, match=r"^2 films cannot be read; the first: .*1\.png"):
        cache_films(samples, 32, None, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_broken_film_is_one_clear_sentence_and_leaves_no_cache(tmp_path: Path) -> None:
    samples = _samples(tmp_path)
    samples[2].path.write_bytes(samples[2].path.read_bytes()[:200])
    with pytest.raises(TbspotError, match=r"2\.png"):
        cache_films(samples, 32, None, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_disk_without_room_for_all_films_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(TbspotError, match=r"cannot write .*films-.*: No space left"):
        cache_films(_samples(tmp_path), 32, None, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_fingerprint_of_data_knows_names_labels_and_contents_not_folders(
    tmp_path: Path,
) -> None:
    here, there = _samples(tmp_path / "here"), _samples(tmp_path / "there")
    known = fingerprint_of(here)
    assert known == fingerprint_of(there) == fingerprint_of(there[::-1])
    assert fingerprint_of(there[:2]) != known
    relabelled = [Sample(one.path, one.name, 1, "drawn", one.patient) for one in there]
    assert fingerprint_of(relabelled) != known
    assert fingerprint_of([replace(one, source=str(one.label)) for one in there]) != known
    there[0].path.write_bytes(there[0].path.read_bytes() + b"\0")
    assert fingerprint_of(there) != known


def test_a_net_is_asked_once_and_again_where_what_it_said_was_cut_off(tmp_path: Path) -> None:
    asked = []

    def ask() -> dict[str, torch.Tensor]:
        asked.append(len(asked))
        return {"map": torch.arange(6.0)}

    def told() -> list[float]:
        return remembered(tmp_path, "taught", ["films", "model"], ask)["map"].tolist()

    assert told() == told() == list(range(6))
    (kept,) = tmp_path.iterdir()
    assert asked == [0]
    for content in (kept.read_bytes()[:-4], b"", b"no weights"):
        kept.write_bytes(content)
        assert told() == told() == list(range(6))
    assert asked == [0, 1, 2, 3]


def test_films_in_a_folder_whose_name_is_no_text_are_cached(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    samples = _samples(folder)
    assert len(cache_films(samples, 32, None, tmp_path / "cache").pixels) == len(samples)
    assert fingerprint_of(samples)
