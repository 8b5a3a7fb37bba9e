"""Which files belong together, read leniently: the doctor wants to see what a loader would refuse."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelisation.data.base import IMAGE_SUFFIXES, DatasetError
from modelisation.data.camvid import is_camvid
from modelisation.data.cityscapes import is_cityscapes
from modelisation.data.folder import describe, is_folder


@dataclass(frozen=True)
class Pair:
    """An image and its label, either of which may be missing; `sequence` is its clip, empty where unknown."""

    split: str
    name: str
    image: Path | None
    label: Path | None
    sequence: str = ""


@dataclass(frozen=True)
class Layout:
    """A data folder's pairs and the source (a key of `REMAPS`) whose values its labels ought to hold."""

    kind: str
    source: str
    pairs: tuple[Pair, ...]


def read_layout(root: Path) -> Layout:
    """List every image and label under a data folder.

    Raises:
        DatasetError: the folder does not exist, has no known layout, or holds no files.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder; give the folder that holds the data set")
    if is_cityscapes(root):
        layout = Layout("cityscapes", "cityscapes_label_ids", tuple(_cityscapes(root)))
    elif is_camvid(root):
        layout = Layout("camvid", "camvid11", tuple(_camvid(root)))
    elif is_folder(root):
        layout = Layout("folder", describe(root)[0], tuple(_folder(root)))
    else:
        raise DatasetError(
            f"{root}: not a data set; wanted Cityscapes (leftImg8bit/ and gtFine/), CamVid (train/ and "
            "trainannot/), or a plain folder (images/ and labels/)"
        )
    if not layout.pairs:
        raise DatasetError(f"{root}: looks like {layout.kind} but holds no images; copy them here")
    return layout


def _cityscapes(root: Path) -> Iterator[Pair]:
    for split in _folders(root / "leftImg8bit", root / "gtFine", root / "gtCoarse"):
        # As the loader has it: coarse labels where the split has no fine ones.
        kind = next((k for k in ("gtFine", "gtCoarse") if (root / k / split).is_dir()), "gtFine")
        images = {_stem(p, "_leftImg8bit"): p for p in (root / "leftImg8bit" / split).glob("*/*_leftImg8bit.*")}
        labels = {_stem(p, f"_{kind}_labelIds"): p for p in (root / kind / split).glob(f"*/*_{kind}_labelIds.png")}
        for name in sorted(images.keys() | labels.keys()):
            yield Pair(split, name, images.get(name), labels.get(name), name.rsplit("_", 1)[0])


def _camvid(root: Path) -> Iterator[Pair]:
    # Each half of a split counts, also without the other; other folders beside them are none of CamVid's.
    splits = {name.removesuffix("annot") for name in _folders(root)}
    for split in sorted(splits & {"train", "val", "test"} | {s for s in splits if (root / f"{s}annot").is_dir()}):
        yield from _match(split, root / split, root / f"{split}annot", clips=True)


def _folder(root: Path) -> Iterator[Pair]:
    for split in ("", *_folders(root)):
        if (root / split / "images").is_dir() or (root / split / "labels").is_dir():
            yield from _match(split or "all", root / split / "images", root / split / "labels", clips=False)


def _match(split: str, image_folder: Path, label_folder: Path, *, clips: bool) -> Iterator[Pair]:
    images = {p.stem: p for p in _files(image_folder)}
    labels = {p.stem: p for p in _files(label_folder)}
    for name in sorted(images.keys() | labels.keys()):
        yield Pair(split, name, images.get(name), labels.get(name), name.split("_")[0] if clips else "")


def _files(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return ()
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)


def _folders(*roots: Path) -> list[str]:
    return sorted({p.name for root in roots if root.is_dir() for p in root.iterdir() if p.is_dir()})


def _stem(path: Path, ending: str) -> str:
    return re.sub(f"{ending}$", "", path.stem)
