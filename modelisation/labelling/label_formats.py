"""Label maps in the formats of labelling tools: what goes into the files for each photo, and for all of them.

`polygons` is Labelme's JSON, `coco` COCO's instances with compressed RLE, `geojson` a MultiPolygon a class in pixels,
`cvat` what CVAT imports as "Segmentation mask 1.1". The readers in `modelisation/data/formats` read them again.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.masks.tool_files import Json, as_bytes, coco, coco_annotations, geojson, labelme
from back.runtime.taxonomy import Taxonomy
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
        return as_bytes(labelme(labels_HW, self.taxonomy, photo.base))


class GeoJson(LabelFiles):
    def name(self, photo: Source) -> str:
        return f"{photo.name}.geojson"

    def content(self, photo: Source, labels_HW: Labels) -> bytes:
        return as_bytes(geojson(labels_HW, self.taxonomy, photo.base))


class Coco(LabelFiles):
    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__(taxonomy)
        self._photos: list[tuple[Json, list[Json]]] = []

    def shared(self) -> list[str]:
        return [COCO_FILE]

    def part(self, photo: Source, labels_HW: Labels) -> tuple[Json, list[Json]]:
        height, width = labels_HW.shape
        return {"file_name": photo.relative, "width": width, "height": height}, coco_annotations(labels_HW)

    def add(self, photo: Source, part: tuple[Json, list[Json]]) -> None:
        self._photos.append(part)

    def finish(self) -> dict[str, bytes]:
        return {COCO_FILE: as_bytes(coco(self._photos, self.taxonomy))}


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
