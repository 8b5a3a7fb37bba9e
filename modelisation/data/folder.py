"""A plain folder: `images/` and `labels/` with files of the same stem, or `<split>/images` and `<split>/labels`.

A file `dataset.json` beside them may say `{"source": "cityscapes_label_ids", "licence": "..."}`; without it the
labels hold street8 ids. One remap source serves the whole folder.

A picture's clip is its stem without the last number, which counts the frames: `street_0001` and `street_0002` are two
frames of `street`. So neighbouring frames stay together where independent blocks of video are wanted, at the price
that unrelated photos with running numbers count as one clip; give clips names of their own to tell them apart.
"""

import json
import re
from pathlib import Path

from back.runtime.taxonomy import REMAPS
from modelisation.data.base import IMAGE_SUFFIXES, DatasetError, Item, SegmentationDataset

DESCRIPTION_FILE = "dataset.json"


def is_folder(root: Path) -> bool:
    return any(_pair(root, split) for split in ("", *_subfolders(root)))


def open_folder(root: Path, split: str, taxonomy: str) -> SegmentationDataset:
    """List the pictures of `<root>/<split>/images`, or of `<root>/images` where there are no splits.

    Raises:
        DatasetError: no pictures, a picture without a label, or a broken `dataset.json`.
    """
    pair = _pair(root, split) or _pair(root, "")
    if pair is None:
        raise DatasetError(f"{root}: no {split}/images with {split}/labels, nor images with labels beside it")
    images, labels = pair
    items = []
    for image in sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES):
        label = labels / f"{image.stem}.png"
        if not label.is_file():
            raise DatasetError(f"{label}: missing; {image.name} needs a label PNG of the same stem")
        items.append(Item(image.stem, image, label, clip_of(image.stem)))
    if not items:
        raise DatasetError(f"{images}: holds no pictures ({', '.join(IMAGE_SUFFIXES)})")
    source, licence = describe(root)
    return SegmentationDataset(root.resolve().name, split, items, source=source, taxonomy=taxonomy, licence=licence)


def clip_of(stem: str) -> str:
    """The video clip that a picture belongs to, by its name.

    Example:
        >>> clip_of("street_0012"), clip_of("cam2_0012_left"), clip_of("0012"), clip_of("portrait")
        ('street', 'cam2_left', '', 'portrait')
    """
    return re.sub(r"[ _.-]*\d+(?=\D*$)", "", stem).strip(" _.-")


def _subfolders(root: Path) -> list[str]:
    return [p.name for p in root.iterdir() if p.is_dir()] if root.is_dir() else []


def _pair(root: Path, split: str) -> tuple[Path, Path] | None:
    images, labels = root / split / "images", root / split / "labels"
    return (images, labels) if images.is_dir() and labels.is_dir() else None


def describe(root: Path) -> tuple[str, str]:
    path = root / DESCRIPTION_FILE
    if not path.is_file():
        return "street8", "not stated"
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        source, licence = described["source"], described.get("licence", "not stated")
    except (ValueError, KeyError, AttributeError) as error:
        raise DatasetError(f'{path}: wanted {{"source": "<values>", "licence": "<terms>"}} ({error})') from error
    if source not in REMAPS:
        raise DatasetError(f"{path}: unknown source {source!r}; known: {', '.join(REMAPS)}")
    return source, licence
