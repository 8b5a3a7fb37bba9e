"""Colours of label maps in figures; needs no matplotlib."""

import numpy as np

from back.runtime.masks.colour import palette_of
from back.runtime.taxonomy import Taxonomy


def label_colours(taxonomy: Taxonomy) -> np.ndarray:
    """Colour of each label value, uint8 [256, 3]: the taxonomy's, and white for what is ignored."""
    colours = np.full((256, 3), 255, np.uint8)
    colours[: len(taxonomy.classes)] = palette_of(taxonomy)[: len(taxonomy.classes)]
    return colours
