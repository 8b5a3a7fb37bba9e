"""Labels as masks: a PNG a photo."""

from back.runtime.imaging import UInt8Array
from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_gray_png, encode_palette_png
from back.runtime.taxonomy import Taxonomy
from modelisation.labelling.label_formats import LabelFiles
from modelisation.labelling.source import Source


class Masks(LabelFiles):
    """A palette of the classes' colours, or class ids as 8-bit grey."""

    def __init__(self, taxonomy: Taxonomy, as_ids: bool = False) -> None:
        super().__init__(taxonomy)
        self._as_ids = as_ids
        self._palette = palette_of(taxonomy)

    def name(self, photo: Source) -> str:
        return f"{photo.name}.png"

    def content(self, photo: Source, labels_HW: UInt8Array) -> bytes:
        return encode_gray_png(labels_HW) if self._as_ids else encode_palette_png(labels_HW, self._palette)
