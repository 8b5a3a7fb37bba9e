"""A label map as labelling tools read it: Labelme's polygons, GeoJSON, COCO's instances.

Coordinates are pixels from the photo's upper left corner.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.masks.outlines import Ring, regions_of
from back.runtime.masks.rle import compressed, to_rle
from back.runtime.taxonomy import Taxonomy

Labels = npt.NDArray[np.uint8]
Json = dict[str, Any]


def labelme(labels_HW: Labels, taxonomy: Taxonomy, photo: str) -> Json:
    """Labelme's JSON: a polygon a region, the largest first, so that what lies in a hole is drawn over it.

    Args:
        labels_HW: class ids of the photo's size.
        photo: the name of its file.
    """
    shapes: list[Json] = [
        {"label": taxonomy.names[region.class_id], "points": _rounded(region.outer[:-1]), "group_id": None,
         "shape_type": "polygon", "flags": {}}
        for region in regions_of(labels_HW)
    ]  # fmt: skip
    height, width = labels_HW.shape
    return {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": photo, "imageData": None,
            "imageHeight": height, "imageWidth": width}  # fmt: skip


def geojson(labels_HW: Labels, taxonomy: Taxonomy, photo: str) -> Json:
    """A FeatureCollection with a MultiPolygon a class, holes left out of it; arguments as `labelme`."""
    polygons: dict[int, list[Any]] = {}
    for region in regions_of(labels_HW):
        rings = [_rounded(ring) for ring in (region.outer, *region.holes)]
        polygons.setdefault(region.class_id, []).append(rings)
    features = [
        {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": polygons[one.id]},
         "properties": {"id": one.id, "class": one.name, "color": list(one.color)}}
        for one in taxonomy.classes
        if one.id in polygons
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features, "photo": photo}


def coco_annotations(labels_HW: Labels) -> list[Json]:
    """COCO's annotation of each class that the photo shows, as compressed RLE; without ids of their own."""
    height, width = labels_HW.shape
    annotations: list[Json] = []
    for class_id in np.unique(labels_HW).tolist():
        mask = labels_HW == class_id
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        left, upper = int(columns[0]), int(rows[0])
        box = [left, upper, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - upper]
        shape = {"size": [height, width], "counts": compressed(to_rle(mask))}
        one = {"category_id": class_id + 1, "segmentation": shape, "area": int(mask.sum()), "bbox": box, "iscrowd": 0}
        annotations.append(one)
    return annotations


def coco(photos: Sequence[tuple[Json, Sequence[Json]]], taxonomy: Taxonomy) -> Json:
    """COCO's instances of photos: of each its `file_name`, `width` and `height`, and its annotations."""
    images: list[Json] = []
    annotations: list[Json] = []
    for image, of_image in photos:
        images.append({"id": len(images) + 1, **image})
        for one in of_image:
            annotations.append({"id": len(annotations) + 1, "image_id": len(images), **one})
    categories = [{"id": one.id + 1, "name": one.name, "supercategory": ""} for one in taxonomy.classes]
    return {"images": images, "annotations": annotations, "categories": categories}


def as_bytes(content: Json) -> bytes:
    """The file."""
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def _rounded(ring: Ring) -> list[list[float]]:
    points: list[list[float]] = ring.round(2).tolist()
    return points
