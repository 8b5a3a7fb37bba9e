"""CamVid in the layout of the SegNet tutorial: `train/`, `trainannot/`, `val/`, `valannot/`, `test/`, `testannot/`.

Brostow, Fauqueur, Cipolla, "Semantic object classes in video", Pattern Recognition Letters 2009. The frames come
from four video clips, so neighbouring frames look alike; `dev` is a split of ours that holds out a whole clip,
listed in `camvid_dev.txt`.
"""

from pathlib import Path

from modelisation.data.base import DatasetError, Item, SegmentationDataset

LICENCE = "CamVid: research, non-commercial (CC BY-NC)"
# Hyper-parameters are chosen on `dev`, which shares no clip with `devtrain`; both are parts of train. The names are
# those of clip 0006R0.
DEV_LIST = Path(__file__).with_name("camvid_dev.txt")


def is_camvid(root: Path) -> bool:
    return (root / "train").is_dir() and (root / "trainannot").is_dir()


def open_camvid(root: Path, split: str, taxonomy: str) -> SegmentationDataset:
    """List one split: `train`, `val`, `test` as on disk; `dev` (clip 0006R0 of train), `devtrain` (the rest).

    Raises:
        DatasetError: the split's folders are missing or empty.
    """
    items = _folder_items(root, "train" if split in ("dev", "devtrain") else split)
    if split in ("dev", "devtrain"):
        dev = set(DEV_LIST.read_text(encoding="utf-8").split())
        items = [item for item in items if (item.name in dev) == (split == "dev")]
        if not items:
            raise DatasetError(
                f"{root / 'train'}: holds no picture of the split {split}; {DEV_LIST.name} lists dev's"
            )
    return SegmentationDataset("camvid", split, items, source="camvid11", taxonomy=taxonomy, licence=LICENCE)


def _folder_items(root: Path, split: str) -> list[Item]:
    images, labels = root / split, root / f"{split}annot"
    for folder in (images, labels):
        if not folder.is_dir():
            raise DatasetError(
                f"{folder}: no such folder; CamVid in the SegNet layout has train, val, test and trainannot, "
                "valannot, testannot, and this project adds the splits dev and devtrain"
            )
    items = [Item(p.stem, p, labels / p.name, p.stem.split("_")[0]) for p in sorted(images.glob("*.png"))]
    if not items:
        raise DatasetError(f"{images}: holds no PNG pictures; copy CamVid's {split} frames here")
    return items
