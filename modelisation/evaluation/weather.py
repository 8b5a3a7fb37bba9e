"""Fog, snow, frost and low light on photos: the standard corruptions at severities 1 to 5.

Fog and snow follow the formulas and constants of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness
to Common Corruptions and Perturbations", ICLR 2019, arXiv:1903.12261, written anew here. Their frost lays
photographs of frost over the picture; ours are rendered, at their weights. Their set has no low light: here it is a
photo of a fraction of the light, with the noise of counting the photons that are left.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Per severity: strength of the fog, and how fast its structure fades from coarse to fine.
_FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
# Mean and deviation of the flakes, their size, the threshold that keeps the bright ones, length and deviation of
# their streaks, and how much of the photo's own contrast is left.
_SNOW = (
    (0.1, 0.3, 3.0, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2.0, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4.0, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
_FROST = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))  # weights of the photo and of the frost
_LOW_LIGHT = ((0.5, 400), (0.35, 250), (0.25, 150), (0.15, 90), (0.1, 60))  # share of the light; photons of white


class Corruption(Protocol):
    """Picture uint8 [H, W, 3] -> the same in this weather, at a severity of 1 to 5."""

    def __call__(self, image_HWC: Pixels, severity: int, rng: np.random.Generator) -> Pixels: ...


def fog(image_HWC: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Plasma fog over the picture."""
    strength, decay = _FOG[severity - 1]
    x = image_HWC / np.float32(255)
    height, width = x.shape[:2]
    brightest = x.max()
    layer = plasma(max(height, width), decay, rng)[:height, :width, None]
    return _to_uint8((x + strength * layer) * brightest / max(brightest + strength, 1e-6))


def snow(image_HWC: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Flakes that fall, as streaks, over a paler picture."""
    mean, deviation, size, threshold, length, spread, kept = _SNOW[severity - 1]
    x = image_HWC / np.float32(255)
    height, width = x.shape[:2]
    small = rng.normal(mean, deviation, (math.ceil(height / size), math.ceil(width / size))).astype(np.float32)
    flakes = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BILINEAR)).copy()
    flakes[flakes < threshold] = 0
    from scipy.signal import fftconvolve  # half a second to import, which trainings without snow need not wait for

    streaks = fftconvolve(flakes.clip(0, 1), _streak(length, spread, rng.uniform(-135, -45)), mode="same")
    streaks = streaks.astype(np.float32).clip(0, 1)[..., None]
    grey = (x @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    x = kept * x + (1 - kept) * np.maximum(x, grey * 1.5 + 0.5)
    return _to_uint8(x + streaks + streaks[::-1, ::-1])


def frost(image_HWC: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Crystals on the windscreen: ridges of plasma, whitest at the rim of the picture."""
    of_photo, of_frost = _FROST[severity - 1]
    height, width = image_HWC.shape[:2]
    ridges = 1 - np.abs(2 * plasma(max(height, width), 1.6, rng)[:height, :width] - 1)
    fine = gaussian_filter(rng.random((height, width), np.float32), 0.7)
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    rim = np.minimum(1, 0.35 + 0.5 * (y * y + x * x)).astype(np.float32)
    crystals = (ridges**3 * 0.8 + 0.4 * fine * ridges) * rim
    ice = crystals[..., None] * np.array([0.85, 0.93, 1.0], np.float32)
    return _to_uint8(of_photo * image_HWC / np.float32(255) + of_frost * ice)


def low_light(image_HWC: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """A photo of a fraction of the light: linear values scaled, photons counted, and shown by the usual gamma of
    2.2."""
    share, photons = _LOW_LIGHT[severity - 1]
    linear = (np.arange(256) / 255.0) ** 2.2 * share
    counted = rng.poisson((linear * photons)[image_HWC]) / photons
    return _to_uint8((counted ** (1 / 2.2)).astype(np.float32))


CORRUPTIONS: Mapping[str, Corruption] = {"fog": fog, "snow": snow, "frost": frost, "low light": low_light}


def plasma(side: int, decay: float, rng: np.random.Generator) -> Floats:
    """Plasma by the diamond-square method, float32 [n, n] in 0..1 with n the power of two from `side` on.

    Args:
        side: pixels that are needed at least.
        decay: by how much the randomness shrinks from one scale to the next, over 1.
        rng: random numbers.
    """
    n = 1 << max(1, math.ceil(math.log2(side)))
    values = np.zeros((n, n), np.float32)
    step, wibble = n, 100.0

    def mean_and_wibble(total: Floats) -> Floats:
        return np.asarray(total / 4 + wibble * rng.uniform(-wibble, wibble, total.shape), np.float32)

    while step >= 2:
        half = step // 2
        corners = values[::step, ::step]
        across = corners + np.roll(corners, -1, 0)
        values[half::step, half::step] = mean_and_wibble(across + np.roll(across, -1, 1))
        centres = values[half::step, half::step]
        beside = centres + np.roll(centres, 1, 0)
        values[::step, half::step] = mean_and_wibble(beside + corners + np.roll(corners, -1, 1))
        below = centres + np.roll(centres, 1, 1)
        values[half::step, ::step] = mean_and_wibble(below + corners + np.roll(corners, -1, 0))
        step, wibble = half, wibble / decay
    values -= values.min()
    return values / max(values.max(), 1e-6)


def _streak(length: int, spread: float, degrees: float) -> Floats:
    """A line of `length` pixels to one side of the centre that fades with a Gaussian, summing to 1."""
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    for i in range(2 * length + 1):
        y = length + round(i / 2 * math.sin(math.radians(degrees)))
        x = length + round(i / 2 * math.cos(math.radians(degrees)))
        kernel[y, x] += math.exp(-((i / 2) ** 2) / (2 * spread**2))
    return kernel / kernel.sum()


def _to_uint8(x: Floats) -> Pixels:
    return np.asarray(np.rint(x.clip(0, 1) * 255), np.uint8)
