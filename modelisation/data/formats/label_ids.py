"""Data sets labelled with Cityscapes' labelIds in layouts of their own: KITTI semantics and ACDC.

KITTI (cvlibs.net/datasets/kitti, "Semantic Segmentation Evaluation"): `training/image_2` with `training/semantic`.
ACDC (Sakaridis, Dai, Van Gool, ICCV 2021; acdc.vision.ee.ethz.ch):
`rgb_anon/<condition>/<split>/<sequence>/<name>_rgb_anon.png` with
`gt/<condition>/<split>/<sequence>/<name>_gt_labelIds.png`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from back.runtime.taxonomy import IGNORE, REMAPS
from modelisation.data.class_sets import class_set
from modelisation.data.formats.base import UNLABELLED, Export, LabelMap, Picture, exported, images_in, paired
from modelisation.data.formats.raster import by_values

Found = list[tuple[str, dict[str, Path], dict[str, Path]]]


@dataclass(eq=False)
class LabelIds:
    """A layout whose labels are labelIds; `find` lists split, pictures and labels by equal names."""

    TITLE: str
    find: Callable[[Path], Found]

    def recognises(self, root: Path) -> bool:
        return any(images and labels for _, images, labels in self.find(root))

    def read(self, root: Path) -> Export:
        known = class_set("cityscapes19")
        ids = REMAPS["cityscapes_label_ids"]["cityscapes19"]
        table = {v: UNLABELLED if i == IGNORE else known.taxonomy.names[i] for v, i in ids.items()}

        def reader(path: Path) -> LabelMap:
            return by_values(path, table)

        left_out: list[str] = []
        pictures: list[Picture] = []
        for split, images, labels in self.find(root):
            pictures += paired(split, images, labels, reader, left_out)
        colours = {c.name: c.color for c in known.taxonomy.classes}
        return exported(root, self.TITLE, pictures, known.taxonomy.names, left_out, colours, known)


def _kitti(root: Path) -> Found:
    return [("", images_in(root / "training" / "image_2"), images_in(root / "training" / "semantic"))]


def _acdc(root: Path) -> Found:
    found: dict[str, tuple[dict[str, Path], dict[str, Path]]] = {}
    if not (root / "rgb_anon").is_dir():
        return []
    for kind, ending, side in (("rgb_anon", "_rgb_anon", 0), ("gt", "_gt_labelIds", 1)):
        for folder in sorted((root / kind).glob("*/*/*")):
            split = folder.parent.name.removesuffix("_ref")
            if folder.is_dir() and split in ("train", "val"):
                pairs = found.setdefault(split, ({}, {}))
                pairs[side].update(
                    {n.removesuffix(ending): p for n, p in images_in(folder).items() if n.endswith(ending)}
                )
    return [(split, *pairs) for split, pairs in found.items()]


KITTI = LabelIds("KITTI's semantics", _kitti)
ACDC = LabelIds("ACDC", _acdc)
