"""Open a data folder whatever its layout."""

from pathlib import Path

import numpy as np

from back.runtime.labels.source import name_of
from back.runtime.layouts import camvid, cityscapes, folder
from back.runtime.layouts.recognise import Layout, layout_of
from modelisation.data.base import DatasetError, SegmentationDataset, read_label_file
from modelisation.data.camvid import open_camvid
from modelisation.data.cityscapes import open_cityscapes
from modelisation.data.class_sets import Classes, classes_for
from modelisation.data.exports import ExportDataset, open_export
from modelisation.data.folder import open_folder
from modelisation.data.formats.table import format_of

_WITHHELD = ("cityscapes", "test")  # whose labels are ignored on purpose
_OPEN = {cityscapes.KIND: open_cityscapes, camvid.KIND: open_camvid, folder.KIND: open_folder}


def open_dataset(root: str | Path, split: str, taxonomy: Classes | None = None) -> SegmentationDataset:
    """Open one split of a data folder, recognised by its layout: Cityscapes, CamVid, images/labels, or an export.

    Args:
        root: the data folder.
        split: name of the split.
        taxonomy: the classes to read it in: a built-in set's name, a file, a card's taxonomy; default: the classes
            that the folder brings, else street8.

    Raises:
        DatasetError: the folder does not exist, has none of the layouts, or lacks the split; a label cannot be read,
            or no label of the split has a pixel that counts.
        LabelValueError: a label holds a value outside the source's table.
        RemapError: the labels cannot be read in these classes.
        ClassSetError: the classes cannot be used.
    """
    root = Path(root)
    dataset = _open(root, split, taxonomy)
    if (dataset.dataset, split) != _WITHHELD:
        _check_labelled(root, dataset)
    return dataset


def _open(root: Path, split: str, taxonomy: Classes | None) -> SegmentationDataset:
    form = format_of(root)
    if form is not None:
        return open_export(form, root, split, taxonomy)
    return _OPEN[recognised(root).KIND](root, split, classes_for(root, taxonomy))


def _check_labelled(root: Path, dataset: SegmentationDataset) -> None:
    """Look for a label with a pixel that counts; nearly always the first one has it."""
    values: set[int] = set()
    for index in range(len(dataset)):
        label = dataset.label(index)
        if (label != dataset.taxonomy.ignore_index).any():
            return
        if not isinstance(dataset, ExportDataset):
            values |= set(np.unique(read_label_file(dataset.items[index].label, dataset.source)).tolist())
    told = f" (value {', '.join(map(str, sorted(values)))} of {name_of(dataset.source)})" if values else ""
    raise DatasetError(
        f"{root}: split {dataset.split} teaches and scores nothing: each pixel of its labels ({len(dataset)}) is "
        f"ignored{told}; look at them with: python -m modelisation doctor {root}"
    )


def recognised(root: Path) -> Layout:
    """The layout of a data folder.

    Raises:
        DatasetError: the folder does not exist or has none of the layouts.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; give the folder that holds the data set")
    layout = layout_of(root)
    if layout is None:
        raise DatasetError(
            f"{root}: not a data set; wanted Cityscapes (leftImg8bit/ and gtFine/), CamVid (train/ and trainannot/), "
            "a plain folder (images/ and labels/), or the unpacked export of a labelling tool (see convert --help)"
        )
    return layout
