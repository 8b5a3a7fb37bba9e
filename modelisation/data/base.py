"""What every data set gives: pictures with label maps in one taxonomy, and a hash of its file list."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from back.runtime.errors import UserError
from back.runtime.imaging import MAX_FILE_PIXELS, ImageError, decode_image
from back.runtime.labels.read import LabelFileError, read_label
from back.runtime.labels.source import Source
from back.runtime.taxonomy import Taxonomy, apply_remap
from modelisation.data.class_sets import Classes, class_set, remap


class DatasetError(UserError):
    """A data folder that cannot be used: says which file or folder, what is wrong, and what to do."""


@dataclass(frozen=True)
class Sample:
    """One picture: `image` uint8 [H, W, 3] RGB, `label` uint8 [H, W] in the data set's taxonomy, 255 ignored."""

    image: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8]
    name: str


@dataclass(frozen=True)
class Item:
    """Where one picture and its label file lie; `name` is unique in the split and `sequence` is its video clip."""

    name: str
    image: Path
    label: Path
    sequence: str


class SegmentationDataset:
    """A split of a data set: a list of picture and label files read through one remap table.

    Args:
        dataset: id of the data set, for example `camvid`.
        split: name of the split.
        items: the files, in a fixed order.
        source: which label values the files hold.
        taxonomy: the classes to read them in.
        licence: the data's terms, carried into the card of what is trained on it.
        split_rule: how the split was made, as a sentence; empty where the data set comes with it.
    """

    def __init__(
        self,
        dataset: str,
        split: str,
        items: Sequence[Item],
        *,
        source: Source,
        taxonomy: Classes,
        licence: str,
        split_rule: str = "",
    ) -> None:
        self.dataset = dataset
        self.split = split
        self.items = tuple(items)
        self.source = source
        self.licence = licence
        self.split_rule = split_rule
        self.classes = class_set(taxonomy)
        self.taxonomy: Taxonomy = self.classes.taxonomy
        self.remap: Mapping[int, int] = remap(source, self.classes)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            DatasetError: a file is missing or is no picture, or the sizes of picture and label differ.
            LabelValueError: the label holds a value outside the source's table.
        """
        item = self.items[index]
        image = read_rgb(item.image)
        label = self.label(index)
        if label.shape != image.shape[:2]:
            raise DatasetError(
                f"{item.label}: label is {label.shape[1]}x{label.shape[0]} but {item.image.name} is "
                f"{image.shape[1]}x{image.shape[0]}; both must have the same size"
            )
        return Sample(image, label, item.name)

    def label(self, index: int) -> npt.NDArray[np.uint8]:
        """Read a label alone, uint8 [H, W] in the taxonomy, 255 ignored; raises as a sample does."""
        path = self.items[index].label
        return apply_remap(read_label_file(path, self.source), self.remap, name=path)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.items)

    @property
    def split_sha256(self) -> str:
        """sha256 of the sorted names, one a line: the same files give the same hash wherever they lie."""
        return hashlib.sha256("\n".join(sorted(self.names)).encode()).hexdigest()

    def subset(self, keep: Sequence[Item], split: str) -> "SegmentationDataset":
        """The same data set with other items, for example a dev split."""
        return SegmentationDataset(
            self.dataset,
            split,
            keep,
            source=self.source,
            taxonomy=self.classes,
            licence=self.licence,
            split_rule=self.split_rule,
        )


def read_rgb(path: Path) -> npt.NDArray[np.uint8]:
    """Read a picture as uint8 [H, W, 3] RGB, by the one decoder of training and serving.

    Raises:
        DatasetError: it is missing or cannot be read.
    """
    try:
        return decode_image(path.read_bytes(), MAX_FILE_PIXELS)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; the split lists it, so download or copy it") from None
    except ImageError as error:
        raise DatasetError(f"{path}: not a readable picture. {error}") from error
    except OSError as error:
        raise DatasetError(f"{path}: not a readable picture ({error}); replace it") from error


def read_label_file(path: Path, source: Source) -> npt.NDArray[np.uint8]:
    """The ids of a label file, uint8 [H, W], in the values of its source (see `back.runtime.labels.read`).

    Raises:
        DatasetError: it is missing, cannot be read, or does not say which ids its pixels are.
    """
    try:
        return read_label(path.read_bytes(), source, path)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; every picture of the split needs a label") from None
    except OSError as error:
        raise DatasetError(f"{path}: not a readable label file ({error}); replace it") from error
    except LabelFileError as error:
        raise DatasetError(str(error)) from error
