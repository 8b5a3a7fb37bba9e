"""Colours on the planes of a frame are those of blending in RGB, in either matrix and range."""

import av
import numpy as np
import pytest

from back.runtime.masks.colour import overlay, palette_of
from back.runtime.taxonomy import STREET8
from back.runtime.video.blend import Blender
from back.runtime.video.turn import UPRIGHT
from tests.bundles import stripes


@pytest.mark.parametrize(("colorspace", "name"), [(6, "ITU601"), (1, "ITU709")])
@pytest.mark.parametrize("full_range", [False, True])
def test_blending_yuv_is_blending_rgb(colorspace: int, name: str, full_range: bool) -> None:
    palette, labels_HW = palette_of(STREET8), stripes(32, 128, 8)
    grey = np.full((32, 128, 3), 90, np.uint8)
    kind = {"dst_colorspace": name, "dst_color_range": 2 if full_range else 1}
    frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p", **kind)
    blended = Blender(palette, 0.5, colorspace, full_range, UPRIGHT).blend(frame, labels_HW)
    back = {"src_colorspace": name, "src_color_range": 2 if full_range else 1}
    shown = blended.reformat(format="rgb24", **back).to_ndarray().astype(int)
    middles = slice(8, None, 16)  # colours run into each other at the edges
    wanted = overlay(grey, labels_HW, palette, 0.5)
    assert np.abs(shown[:, middles] - wanted[:, middles]).max() <= 4
