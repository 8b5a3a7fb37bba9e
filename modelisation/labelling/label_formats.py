"""Label maps in the formats of labelling tools: what goes into the files for each photo, and for all of them.

`polygons` is Labelme's JSON, `coco` COCO's instances with compressed RLE, `geojson` a MultiPolygon a class in pixels,
`cvat` what CVAT imports as "Segmentation mask 1.1". The readers in `modelisation/data/formats` read them again.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.masks.colour import palette_of
from back.runtime.masks.outlines import Ring, regions_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.taxonomy import Taxonomy
from modelisation.data.formats.shapes import compressed, to_rle
from modelisation.labelling.format_names import TOOL_FORMATS
from modelisation.labelling.source import Source

Labels = npt.NDArray[np.uint8]
COCO_FILE = "instances.json"
CVAT_TABLE, CVAT_LIST, CVAT_LABELS = "labelmap.txt", "ImageSets/Segmentation/default.txt", "SegmentationClass"


class LabelFiles:
    """The files of a format.

    Args:
        taxonomy: of the labels.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy

    def name(self, photo: Source) -> str | None:
        """Name of the photo's own file; None where all photos share one."""
        return None

    def shared(self) -> list[str]:
        """Names of the files that all photos share."""
        return []

    def content(self, photo: Source, labels_HW: Labels) -> bytes | None:
        """The content of the photo's own file. It and `part` depend on nothing else, and run in other processes."""
        return None

    def part(self, photo: Source, labels_HW: Labels) -> Any:
        """What the shared files need of the photo; can be pickled."""
        return None

    def add(self, photo: Source, part: Any) -> None:
        """Take up a photo's part, in the order of the photos."""

    def finish(self) -> Mapping[str, bytes]:
        """The shared files, when all photos are taken up."""
        return {}


class Polygons(LabelFiles):
    def name(self, photo: Source) -> str:
        return f"{photo.name}.json"

    def content(self, photo: Source, labels_HW: Labels) -> bytes:
        shapes: list[dict[str, Any]] = [
            {"label": self.taxonomy.names[region.class_id], "points": _rounded(region.outer[:-1]), "group_id": None,
             "shape_type": "polygon", "flags": {}}
            for region in regions_of(labels_HW)
        ]  # fmt: skip
        height, width = labels_HW.shape
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": photo.base, "imageData": None,
                   "imageHeight": height, "imageWidth": width}  # fmt: skip
        return _json(content)


class GeoJson(LabelFiles):
    def name(self, photo: Source) -> str:
        return f"{photo.name}.geojson"

    def content(self, photo: Source, labels_HW: Labels) -> bytes:
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
        return _json({"type": "FeatureCollection", "features": features, "photo": photo.base})


class Coco(LabelFiles):
    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__(taxonomy)
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def shared(self) -> list[str]:
        return [COCO_FILE]

    def part(self, photo: Source, labels_HW: Labels) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        height, width = labels_HW.shape
        annotations: list[dict[str, Any]] = []
        for class_id in np.unique(labels_HW).tolist():
            mask = labels_HW == class_id
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            left, upper = int(columns[0]), int(rows[0])
            box = [left, upper, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - upper]
            shape = {"size": [height, width], "counts": compressed(to_rle(mask))}
            annotations.append(
                {
                    "category_id": class_id + 1,
                    "segmentation": shape,
                    "area": int(mask.sum()),
                    "bbox": box,
                    "iscrowd": 0,
                }
            )
        return {"file_name": photo.relative, "width": width, "height": height}, annotations

    def add(self, photo: Source, part: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
        image, annotations = part
        image_id = len(self._images) + 1
        self._images.append({"id": image_id, **image})
        for one in annotations:
            self._annotations.append({"id": len(self._annotations) + 1, "image_id": image_id, **one})

    def finish(self) -> dict[str, bytes]:
        categories = [{"id": one.id + 1, "name": one.name, "supercategory": ""} for one in self.taxonomy.classes]
        content = {"images": self._images, "annotations": self._annotations, "categories": categories}
        return {COCO_FILE: _json(content)}


class Cvat(LabelFiles):
    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__(taxonomy)
        self._photos: list[str] = []

    def name(self, photo: Source) -> str:
        return f"{CVAT_LABELS}/{photo.name}.png"

    def shared(self) -> list[str]:
        return [CVAT_TABLE, CVAT_LIST]

    def content(self, photo: Source, labels_HW: Labels) -> bytes:
        return encode_palette_png(labels_HW, palette_of(self.taxonomy))

    def add(self, photo: Source, part: None) -> None:
        self._photos.append(photo.name)

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
