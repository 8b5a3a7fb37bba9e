"""Cityscapes in its official layout, with fine (`gtFine`) or coarse (`gtCoarse`) labels.

Layout (Cordts et al., CVPR 2016): `leftImg8bit/<split>/<city>/<name>_leftImg8bit.png` and
`gtFine/<split>/<city>/<name>_gtFine_labelIds.png`. Rendered scenes are written in the same layout.
"""

from pathlib import Path

from modelisation.data.base import DatasetError, Item, SegmentationDataset
from modelisation.scenes.writer import CITY

LICENCE = "Cityscapes: non-commercial research and education, see cityscapes-dataset.com/license"
SCENES_LICENCE = "rendered by this project, MIT"


def is_cityscapes(root: Path) -> bool:
    return (root / "leftImg8bit").is_dir()


def open_cityscapes(root: Path, split: str, taxonomy: str) -> SegmentationDataset:
    """List one split; coarse labels are used where there are no fine ones.

    Raises:
        DatasetError: the split or its labels are missing; names the folder and what belongs there.
    """
    images = root / "leftImg8bit" / split
    if not images.is_dir():
        there = sorted(p.name for p in (root / "leftImg8bit").iterdir() if p.is_dir())
        raise DatasetError(f"{images}: no such split; there are: {', '.join(there) or 'none'}")
    kind = next((k for k in ("gtFine", "gtCoarse") if (root / k / split).is_dir()), None)
    if kind is None:
        raise DatasetError(f"{root}: no gtFine/{split} or gtCoarse/{split}; unpack gtFine_trainvaltest.zip here")
    items = []
    for image in sorted(images.glob("*/*_leftImg8bit.png")):
        name = image.name.removesuffix("_leftImg8bit.png")
        city = image.parent.name
        items.append(Item(name, image, root / kind / split / city / f"{name}_{kind}_labelIds.png", _sequence(name)))
    if not items:
        raise DatasetError(f"{images}: no <city>/<name>_leftImg8bit.png; unpack leftImg8bit_trainvaltest.zip here")
    rendered = {folder.name for folder in images.iterdir()} == {CITY}
    return SegmentationDataset(
        "scenes" if rendered else "cityscapes",
        split,
        items,
        source="cityscapes_label_ids",
        taxonomy=taxonomy,
        licence=SCENES_LICENCE if rendered else LICENCE,
    )


def _sequence(name: str) -> str:
    """`aachen_000000_000019` -> `aachen_000000`: city and clip, without the frame."""
    return name.rsplit("_", 1)[0]
