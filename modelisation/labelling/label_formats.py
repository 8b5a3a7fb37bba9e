"""Label maps in the formats of labelling tools: what goes into the files for each photo, and for all of them.

`polygons` is Labelme's JSON, `coco` COCO's instances with compressed RLE, `geojson` a MultiPolygon a class in pixels,
`cvat` what CVAT imports as "Segmentation mask 1.1". The readers in `modelisation/data/formats` read them again.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.masks.colour import palette_of
from back.runtime.masks.outlines import Ring, regions_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.taxonomy import Taxonomy
from modelisation.data.formats.shapes import compressed, to_rle
from modelisation.labelling.format_names import TOOL_FORMATS

Labels = npt.NDArray[np.uint8]
COCO_FILE = "instances.json"
CVAT_TABLE, CVAT_LIST, CVAT_LABELS = "labelmap.txt", "ImageSets/Segmentation/default.txt", "SegmentationClass"


class LabelFiles(ABC):
    """The files of a format.

    Args:
        taxonomy: of the labels.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    def name(self, photo: Path) -> str | None:
        """Name of the photo's own file; None where all photos share one."""
        return None

    def shared(self) -> list[str]:
        """Names of the files that all photos share."""
        return []

    @abstractmethod
    def add(self, photo: Path, labels_HW: Labels) -> bytes | None:
        """Take up a photo's labels; the content of its own file."""

    def finish(self) -> Mapping[str, bytes]:
        """The shared files, when all photos are taken up."""
        return {}


class Polygons(LabelFiles):
    def name(self, photo: Path) -> str:
        return f"{photo.stem}.json"

    def add(self, photo: Path, labels_HW: Labels) -> bytes:
        shapes: list[dict[str, Any]] = [
            {"label": self.taxonomy.names[region.class_id], "points": _rounded(region.outer[:-1]), "group_id": None,
             "shape_type": "polygon", "flags": {}}
            for region in regions_of(labels_HW)
        ]  # fmt: skip
        height, width = labels_HW.shape
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": photo.name, "imageData": None,
                   "imageHeight": height, "imageWidth": width}  # fmt: skip
        return _json(content)


class GeoJson(LabelFiles):
    def name(self, photo: Path) -> str:
        return f"{photo.stem}.geojson"

    def add(self, photo: Path, labels_HW: Labels) -> bytes:
        polygons: dict[int, list[Any]] = {}
        for region in regions_of(labels_HW):
            rings = [_rounded(ring) for ring in (region.outer, *region.holes)]
            polygons.setdefault(region.class_id, []).append(rings)
        features = [
            {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": polygons[one.id]},
             "properties": {"id": one.id, "class": one.name, "color": list(one.color)}}
            for one in self.taxonomy.classes
            if one.id in polygons
        ]  # fmt: skip
        return _json({"type": "FeatureCollection", "features": features, "photo": photo.name})


class Coco(LabelFiles):
    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__(taxonomy)
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def shared(self) -> list[str]:
        return [COCO_FILE]

    def add(self, photo: Path, labels_HW: Labels) -> None:
        height, width = labels_HW.shape
        image_id = len(self._images) + 1
        self._images.append({"id": image_id, "file_name": photo.name, "width": width, "height": height})
        for class_id in np.unique(labels_HW).tolist():
            mask = labels_HW == class_id
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            left, upper = int(columns[0]), int(rows[0])
            box = [left, upper, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - upper]
            shape = {"size": [height, width], "counts": compressed(to_rle(mask))}
            self._annotations.append(
                {"id": len(self._annotations) + 1, "image_id": image_id, "category_id": class_id + 1,
                 "segmentation": shape, "area": int(mask.sum()), "bbox": box, "iscrowd": 0}
            )  # fmt: skip

    def finish(self) -> dict[str, bytes]:
        categories = [{"id": one.id + 1, "name": one.name, "supercategory": ""} for one in self.taxonomy.classes]
        content = {"images": self._images, "annotations": self._annotations, "categories": categories}
        return {COCO_FILE: _json(content)}


class Cvat(LabelFiles):
    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__(taxonomy)
        self._photos: list[str] = []

    def name(self, photo: Path) -> str:
        return f"{CVAT_LABELS}/{photo.stem}.png"

    def shared(self) -> list[str]:
        return [CVAT_TABLE, CVAT_LIST]

    def add(self, photo: Path, labels_HW: Labels) -> bytes:
        self._photos.append(photo.stem)
        return encode_palette_png(labels_HW, palette_of(self.taxonomy))

    def finish(self) -> dict[str, bytes]:
        lines = [f"{one.name}:{','.join(map(str, one.color))}::" for one in self.taxonomy.classes]
        table = "\n".join(["# label:color_rgb:parts:actions", *lines, ""])
        return {CVAT_TABLE: table.encode(), CVAT_LIST: "".join(f"{name}\n" for name in self._photos).encode()}


FORMATS: Mapping[str, Callable[[Taxonomy], LabelFiles]] = dict(
    zip(TOOL_FORMATS, (Coco, Polygons, GeoJson, Cvat), strict=True)
)


def _rounded(ring: Ring) -> list[list[float]]:
    points: list[list[float]] = ring.round(2).tolist()
    return points


def _json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()
