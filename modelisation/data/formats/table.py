"""The formats that are read, in the order in which a folder is asked: a format with marks of its own comes first."""

from pathlib import Path

from modelisation.data.formats import (
    bdd100k,
    camvid_colours,
    coco,
    idd,
    label_studio,
    labelme,
    masks,
    roboflow,
    vistas,
    voc,
)
from modelisation.data.formats.base import Format
from modelisation.data.formats.label_ids import ACDC, KITTI

FORMATS: tuple[Format, ...] = (
    vistas, bdd100k, idd, ACDC, KITTI, voc, camvid_colours, roboflow, label_studio, coco, labelme, masks,
)  # fmt: skip


def format_of(root: Path) -> Format | None:
    """The format of a folder; None where it is none of them, such as a layout that is read without conversion."""
    if not root.is_dir():
        return None
    return next((one for one in FORMATS if one.recognises(root)), None)
