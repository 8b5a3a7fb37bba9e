"""Open a data folder whatever its layout."""

from pathlib import Path

from modelisation.data.base import DatasetError, SegmentationDataset
from modelisation.data.camvid import is_camvid, open_camvid
from modelisation.data.cityscapes import is_cityscapes, open_cityscapes
from modelisation.data.folder import is_folder, open_folder

_LAYOUTS = ((is_cityscapes, open_cityscapes), (is_camvid, open_camvid), (is_folder, open_folder))


def open_dataset(root: str | Path, split: str, taxonomy: str = "street8") -> SegmentationDataset:
    """Open one split of a Cityscapes, CamVid or plain images/labels folder, recognised by its layout.

    Raises:
        DatasetError: the folder does not exist, has none of the layouts, or lacks the split.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; give the folder that holds the data set")
    for recognises, opens in _LAYOUTS:
        if recognises(root):
            return opens(root, split, taxonomy)
    raise DatasetError(
        f"{root}: not a data set; wanted Cityscapes (leftImg8bit/ and gtFine/), CamVid (train/ and trainannot/), "
        "or a plain folder (images/ and labels/)"
    )
