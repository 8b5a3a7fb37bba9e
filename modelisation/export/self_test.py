"""The self-test of a bundle: a tiny rendered picture and the labels that any right engine gives for it."""

import base64
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from back.runtime.card import SelfTest
from modelisation.scenes.render import render_scene

HEIGHT, WIDTH = 120, 160
CANDIDATES = 8

Labeller = Callable[[np.ndarray], tuple[np.ndarray, float]]


def make_self_test(label: Labeller) -> SelfTest:
    """Render a few pictures and keep the one that the network is surest of.

    Processors round differently, and a pixel between two nearly equal scores may fall either way; the surest picture
    has the fewest of those, so that a failed test means a wrong engine.

    Args:
        label: picture uint8 [H, W, 3] -> (label map uint8 [H, W], share of pixels with a clear winner, 0..1).
    """
    pictures = [render_scene(seed, HEIGHT, WIDTH).image for seed in range(CANDIDATES)]
    results = [label(picture) for picture in pictures]
    best = max(range(CANDIDATES), key=lambda i: results[i][1])
    return SelfTest(image_png=_png(pictures[best]), labels_png=_png(results[best][0]))


def _png(array: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
