"""Open a data folder whatever its layout."""

from pathlib import Path

from back.runtime.layouts import camvid, cityscapes, folder
from back.runtime.layouts.recognise import Layout, layout_of
from modelisation.data.base import DatasetError, SegmentationDataset
from modelisation.data.camvid import open_camvid
from modelisation.data.cityscapes import open_cityscapes
from modelisation.data.folder import open_folder

_OPEN = {cityscapes.KIND: open_cityscapes, camvid.KIND: open_camvid, folder.KIND: open_folder}


def open_dataset(root: str | Path, split: str, taxonomy: str = "street8") -> SegmentationDataset:
    """Open one split of a Cityscapes, CamVid or plain images/labels folder, recognised by its layout.

    Raises:
        DatasetError: the folder does not exist, has none of the layouts, or lacks the split.
    """
    root = Path(root)
    return _OPEN[recognised(root).KIND](root, split, taxonomy)


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
            "or a plain folder (images/ and labels/)"
        )
    return layout
