"""Decoded pictures: the same from memory and from disk, decoded once, and never stale."""

import os
import pickle
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelisation.data.base import DatasetError, SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.training.samples import cache as cache_module
from modelisation.training.samples.cache import DiskSamples, Joined, decode_all


@pytest.fixture
def data(tmp_path) -> Path:
    """Three pictures of two sizes."""
    rng = np.random.default_rng(1)
    root = tmp_path / "data"
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for name, size in (("a", (8, 12)), ("b", (5, 7)), ("c", (8, 12))):
        Image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).save(root / "images" / f"{name}.png")
        Image.fromarray(rng.integers(0, 8, size, np.uint8)).save(root / "labels" / f"{name}.png")
    return root


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """The indices that were decoded, in order."""
    calls: list[int] = []
    original = SegmentationDataset.__getitem__
    monkeypatch.setattr(SegmentationDataset, "__getitem__", lambda self, i: (calls.append(i), original(self, i))[1])
    return calls


def same(one, two) -> bool:
    return len(one) == len(two) and all(
        a.name == b.name and np.array_equal(a.image, b.image) and np.array_equal(a.label, b.label)
        for a, b in zip(one, two, strict=True)
    )


def test_the_disk_holds_what_memory_would(data, tmp_path):
    dataset = open_dataset(data, "all")
    disk = decode_all(dataset, "disk", tmp_path / "cache")
    memory = decode_all(dataset, "memory")
    assert isinstance(disk, DiskSamples)
    assert isinstance(memory, list)
    assert same(disk, memory)
    assert disk[0].image.dtype == disk[0].label.dtype == np.uint8
    assert disk[-1].name == "c"
    assert same(disk[1:], memory[1:])
    with pytest.raises(IndexError):
        disk[3]


def test_pictures_on_disk_are_decoded_once(data, tmp_path, decoded):
    decode_all(open_dataset(data, "all"), "disk", tmp_path / "cache")
    first = len(decoded)
    decode_all(open_dataset(data, "all"), "disk", tmp_path / "cache")
    assert len(decoded) == first + 1  # the first one, for its size


def test_a_picture_that_changed_is_read_again(data, tmp_path):
    decode_all(open_dataset(data, "all"), "disk", tmp_path / "cache")
    Image.new("RGB", (12, 8), (1, 2, 3)).save(data / "images" / "a.png")
    os.utime(data / "images" / "a.png", (1, 1))
    assert (decode_all(open_dataset(data, "all"), "disk", tmp_path / "cache")[0].image == (1, 2, 3)).all()


def test_an_interrupted_writing_is_begun_again(data, tmp_path, monkeypatch):
    broken = open_dataset(data, "all")
    with monkeypatch.context() as patch:
        patch.setattr(cache_module.json, "dumps", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            decode_all(broken, "disk", tmp_path / "cache")
    assert same(decode_all(broken, "disk", tmp_path / "cache"), decode_all(broken, "memory"))


def test_what_is_large_goes_to_disk_by_itself(data, tmp_path, monkeypatch):
    assert isinstance(decode_all(open_dataset(data, "all"), "auto", tmp_path / "cache"), list)
    monkeypatch.setattr(cache_module, "AUTO_LIMIT", 3 * 8 * 12 * 4 - 1)
    assert isinstance(decode_all(open_dataset(data, "all"), "auto", tmp_path / "cache"), DiskSamples)


def test_a_full_disk_is_said_before_writing(data, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage(10))
    with pytest.raises(DatasetError, match=r"data all takes 0\.0 GB decoded and only 0\.0 GB are free; delete"):
        decode_all(open_dataset(data, "all"), "disk", tmp_path / "cache")


def test_a_worker_process_gets_the_path_and_not_the_pixels(data, tmp_path):
    disk = decode_all(open_dataset(data, "all"), "disk", tmp_path / "cache")
    disk[0]
    pickled = pickle.dumps(disk)
    assert len(pickled) < 2000
    assert same(pickle.loads(pickled), disk)


def test_joined_sequences_are_one(data):
    samples = decode_all(open_dataset(data, "all"), "memory")
    joined = Joined(samples[:1], [], samples[1:])
    assert same(joined, samples)
    with pytest.raises(IndexError):
        joined[3]
