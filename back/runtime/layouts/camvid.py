"""CamVid in the layout of the SegNet tutorial: `train/` with `trainannot/`, `val/` with `valannot/`, and so on.

Two more splits are parts of train: `dev` is a whole clip, listed in `camvid_dev.txt`, and `devtrain` is the rest.
"""

from functools import cache
from pathlib import Path

from back.runtime.layouts.listing import IMAGE_SUFFIXES, LABEL_SUFFIXES, Found, child, scan, subfolders

KIND = "camvid"
DEV_LIST = Path(__file__).with_name("camvid_dev.txt")  # the frames of clip 0006R0
DEV, DEVTRAIN = "dev", "devtrain"
_SPLITS = {"train", "val", "test"}
_ANNOTATED = "annot"


def recognises(root: Path) -> bool:
    return any(path.name.removesuffix(_ANNOTATED) in _SPLITS for path in _annotated(root))


def splits(root: Path) -> list[str]:
    """The splits on disk, with pictures or labels; other folders beside them are none of CamVid's."""
    named = {path.name for path in subfolders(root)} & _SPLITS
    return sorted(named | {path.name.removesuffix(_ANNOTATED) for path in _annotated(root)})


def images(root: Path, split: str) -> Found:
    """The pictures of a split."""
    return _part(scan(child(root, on_disk(split)), IMAGE_SUFFIXES), split)


def labels(root: Path, split: str) -> Found:
    """The labels of a split."""
    return _part(scan(child(root, f"{on_disk(split)}{_ANNOTATED}"), LABEL_SUFFIXES), split)


def clip_of(name: str) -> str:
    """`0006R0_f00930` -> `0006R0`."""
    return name.split("_")[0]


def on_disk(split: str) -> str:
    """The folder of a split: `dev` and `devtrain` are parts of train."""
    return "train" if split in (DEV, DEVTRAIN) else split


def _annotated(root: Path) -> list[Path]:
    return [path for path in subfolders(root) if path.name.endswith(_ANNOTATED) and path.name != _ANNOTATED]


def _part(found: Found, split: str) -> Found:
    if split not in (DEV, DEVTRAIN):
        return found
    files = {name: path for name, path in found.files.items() if (name in _dev()) == (split == DEV)}
    return Found(files, found.left_out, found.folder, found.ending)


@cache
def _dev() -> frozenset[str]:
    return frozenset(DEV_LIST.read_text(encoding="utf-8").split())
