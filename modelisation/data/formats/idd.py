"""India Driving Dataset (Varma et al., WACV 2019; idd.insaan.iiit.ac.in): Cityscapes' folders, polygons in JSON.

`leftImg8bit/<split>/<sequence>/<name>_leftImg8bit.(png|jpg)` with
`gtFine/<split>/<sequence>/<name>_gtFine_polygons.json`. A JSON lists polygons, later ones on top; "unlabeled" and
"out of roi" and what is marked as deleted mean no label.
"""

from pathlib import Path

import numpy as np

from modelisation.data.base import DatasetError
from modelisation.data.formats.base import (
    UNLABELLED,
    Export,
    LabelMap,
    Picture,
    exported,
    images_in,
    load_json,
    paired,
)
from modelisation.data.formats.shapes import fill

TITLE = "IDD"
_IMAGE, _LABEL = "_leftImg8bit", "_gtFine_polygons"
_NONE = ("unlabeled", "out of roi", "ego vehicle", "rectification border")


def recognises(root: Path) -> bool:
    """Cityscapes itself has a picture of labelIds beside each JSON."""
    if not ((root / "leftImg8bit").is_dir() and (root / "gtFine").is_dir()):
        return False
    polygons = next((root / "gtFine").glob(f"*/*/*{_LABEL}.json"), None)
    return polygons is not None and not any(polygons.parent.glob("*_labelIds.png"))


def read(root: Path) -> Export:
    left_out: list[str] = []
    pictures: list[Picture] = []
    names: set[str] = set()
    for folder in sorted((root / "gtFine").glob("*/*")):
        split = folder.parent.name
        files = sorted(folder.glob(f"*{_LABEL}.json"))
        labels = {f"{folder.name}_{path.stem.removesuffix(_LABEL)}": path for path in files}
        photos = images_in(root / "leftImg8bit" / split / folder.name)
        images = {f"{folder.name}_{name.removesuffix(_IMAGE)}": path for name, path in photos.items()}
        pictures += paired(split, images, labels, _labels, left_out)
        names |= {one["label"] for path in files for one in load_json(path)["objects"] if _counts(one)}
    return exported(root, TITLE, pictures, sorted(names), left_out)


def _labels(path: Path) -> LabelMap:
    content = load_json(path)
    try:
        size = (int(content["imgHeight"]), int(content["imgWidth"]))
        codes, named = np.zeros(size, np.uint16), {0: UNLABELLED}
        for one in content["objects"]:
            name = one["label"] if _counts(one) else UNLABELLED
            code = next((c for c, n in named.items() if n == name), len(named))
            named[code] = name
            if not one.get("deleted"):
                codes[fill([one["polygon"]], *size)] = code
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: not as IDD has it ({error})") from error
    return LabelMap(codes, named)


def _counts(one: dict[str, object]) -> bool:
    return not one.get("deleted") and one["label"] not in _NONE
