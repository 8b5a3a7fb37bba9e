"""CamVid: Brostow, Fauqueur, Cipolla, "Semantic object classes in video", Pattern Recognition Letters 2009.

The frames come from four video clips, so neighbouring frames look alike. Hyper-parameters are chosen on `dev`, which
shares no clip with `devtrain`; both are parts of train.
"""

from pathlib import Path

from back.runtime.layouts import camvid
from back.runtime.layouts.listing import match
from modelisation.data.base import DatasetError, SegmentationDataset
from modelisation.data.class_sets import Classes
from modelisation.data.items import items_of

LICENCE = "CamVid: research, non-commercial (CC BY-NC)"


def open_camvid(root: Path, split: str, taxonomy: Classes) -> SegmentationDataset:
    """Open one split: `train`, `val`, `test` as on disk; `dev` (clip 0006R0 of train), `devtrain` (the rest).

    Raises:
        DatasetError: the split's folders are missing or empty.
    """
    images, labels = camvid.images(root, split), camvid.labels(root, split)
    on_disk = camvid.on_disk(split)
    for found, name in ((images, on_disk), (labels, f"{on_disk}annot")):
        if found.folder is None:
            raise DatasetError(
                f"{root / name}: no such folder; CamVid in the SegNet layout has train, val, test and trainannot, "
                "valannot, testannot, and this project adds the splits dev and devtrain; here are: "
                f"{', '.join(camvid.splits(root))}"
            )
    items = items_of(match(split, images, labels, camvid.clip_of))
    if not items and split != on_disk:
        raise DatasetError(
            f"{images.folder}: holds no picture of the split {split}; {camvid.DEV_LIST.name} lists dev's"
        )
    if not items:
        raise DatasetError(f"{images.folder}: holds no pictures; copy CamVid's {split} frames here")
    return SegmentationDataset("camvid", split, items, source="camvid11", taxonomy=taxonomy, licence=LICENCE)
