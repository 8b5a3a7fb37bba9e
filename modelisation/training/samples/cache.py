"""A split's decoded pictures: in memory, or in a memory-mapped file where they would not fit.

Cityscapes' 2,975 training pictures are 25 GB once decoded. On disk the system's page cache holds as much of them as
there is room for, and every worker process shares it.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from tqdm import tqdm

from modelisation.data.base import DatasetError, Sample, SegmentationDataset
from modelisation.processes import ranks
from modelisation.provenance import REPOSITORY
from modelisation.recipe import Cache

FOLDER = REPOSITORY / ".cache" / "decoded"
AUTO_LIMIT = 4 << 30  # bytes; above it `auto` takes the disk
_PIXELS, _INDEX = "pixels.bin", "index.json"


def decode_all(dataset: SegmentationDataset, cache: Cache = "auto", folder: Path | None = None) -> Sequence[Sample]:
    """Read every sample of a split once, with a progress bar.

    Args:
        dataset: the split.
        cache: `memory`, `disk`, or `auto`: on disk what takes more than 4 GiB, reckoned by the first picture, in all
            processes of the run on this machine together, which share the file.
        folder: where files of decoded pictures lie, by default `FOLDER`; one that fits the split is used again.

    Raises:
        DatasetError: a file cannot be read, or the disk is too full.
    """
    size = _bytes_of(dataset[0]) * len(dataset)
    if cache == "memory" or (cache == "auto" and size * ranks.on_this_machine() <= AUTO_LIMIT):
        return list(_with_progress(dataset))
    folder = folder or FOLDER
    place = folder / _key(dataset)
    with ranks.in_turn():
        if not (place / _INDEX).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            if (free := shutil.disk_usage(folder).free) < size:
                raise DatasetError(
                    f"{folder}: {dataset.dataset} {dataset.split} takes {size / 1e9:.1f} GB decoded and only "
                    f"{free / 1e9:.1f} GB are free; delete what you no longer need in that folder, or set cache: "
                    "memory"
                )
            _write(dataset, place)
    return DiskSamples(place)


class DiskSamples(Sequence[Sample]):
    """The samples that `decode_all` wrote into a folder, read through a memory map."""

    def __init__(self, place: Path) -> None:
        self._path = place / _PIXELS
        index = json.loads((place / _INDEX).read_text(encoding="utf-8"))
        self._names: list[str] = index["names"]
        self._sizes: list[tuple[int, int]] = [(height, width) for height, width in index["sizes"]]
        self._ends = np.cumsum([4 * height * width for height, width in self._sizes])

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]  # counts from the end where negative, and raises IndexError
        height, width = self._sizes[index]
        count = 4 * height * width
        # Mapped anew for each sample: a map kept open would count every page read as this process's memory. Copy on
        # write, because torch wants arrays that could be written to.
        raw = np.memmap(self._path, np.uint8, mode="c", offset=int(self._ends[index]) - count, shape=(count,))
        image = raw[: 3 * height * width].reshape(height, width, 3)
        return Sample(
            image.view(np.ndarray), raw[image.size :].reshape(height, width).view(np.ndarray), self._names[index]
        )


class Joined(Sequence[Sample]):
    """Several sequences of samples as one, none of them copied."""

    def __init__(self, *parts: Sequence[Sample]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        for part in self._parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError(index)


def _with_progress(dataset: SegmentationDataset) -> "tqdm[Sample]":
    return tqdm(dataset, desc=f"reading {dataset.dataset} {dataset.split}", unit="img", total=len(dataset))


def _bytes_of(sample: Sample) -> int:
    return sample.image.nbytes + sample.label.nbytes


def _write(dataset: SegmentationDataset, place: Path) -> None:
    """Write the samples into a folder beside `place` and move it there, so that a broken file never looks whole."""
    partial = place.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    names, sizes = [], []
    with (partial / _PIXELS).open("wb") as file:
        for sample in _with_progress(dataset):
            names.append(sample.name)
            sizes.append(sample.label.shape)
            file.write(np.ascontiguousarray(sample.image).data)
            file.write(np.ascontiguousarray(sample.label).data)
    (partial / _INDEX).write_text(json.dumps({"names": names, "sizes": sizes}), encoding="utf-8")
    partial.rename(place)


def _key(dataset: SegmentationDataset) -> str:
    """A name that changes with the split's files, their sizes and dates, and the classes they are read in."""
    described = [repr(dataset.source), dataset.taxonomy.model_dump_json(), repr(sorted(dataset.remap.items()))]
    for item in dataset.items:
        for path in (item.image, item.label):
            try:
                state = path.stat()
            except FileNotFoundError:
                raise DatasetError(f"{path}: no such file; the split lists it, so download or copy it") from None
            described.append(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(described).encode()).hexdigest()[:24]
