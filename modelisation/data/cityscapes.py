"""Cityscapes with its official label ids; rendered scenes are written in the same layout."""

from pathlib import Path

from back.runtime.layouts import cityscapes
from back.runtime.layouts.listing import match, subfolders
from modelisation.data.base import DatasetError, SegmentationDataset
from modelisation.data.class_sets import Classes
from modelisation.data.items import items_of

LICENCE = "Cityscapes: non-commercial research and education, see cityscapes-dataset.com/license"
SCENES_LICENCE = "rendered by this project, MIT"
CITY = "scenes"  # the city that rendered scenes are in


def open_cityscapes(root: Path, split: str, taxonomy: Classes) -> SegmentationDataset:
    """Open one split; coarse labels are used where there are no fine ones.

    Raises:
        DatasetError: the split or its labels are missing; names the folder and what belongs there.
    """
    found, labels = cityscapes.images(root, split), cityscapes.labels(root, split)
    if found.folder is None:
        folder = root / "leftImg8bit"
        there = ", ".join(path.name for path in subfolders(folder)) or "none"
        raise DatasetError(f"{folder / split}: no such split; there are: {there}")
    if labels.folder is None:
        raise DatasetError(f"{root}: no gtFine/{split} or gtCoarse/{split}; unpack gtFine_trainvaltest.zip here")
    items = items_of(match(split, found, labels, cityscapes.clip_of))
    if not items:
        raise DatasetError(
            f"{found.folder}: no <city>/<name>_leftImg8bit.png; unpack leftImg8bit_trainvaltest.zip here"
        )
    rendered = {item.image.parent.name for item in items} == {CITY}
    return SegmentationDataset(
        "scenes" if rendered else "cityscapes",
        split,
        items,
        source="cityscapes_label_ids",
        taxonomy=taxonomy,
        licence=SCENES_LICENCE if rendered else LICENCE,
    )
