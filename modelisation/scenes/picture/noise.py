"""Tileable noise textures, made once and looked up everywhere."""

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

Floats = npt.NDArray[np.float32]
SIZE = 512  # side of every tile; a power of two, so that `& MASK` wraps
MASK = SIZE - 1


@cache
def fractal(slope: float, seed: int = 0) -> Floats:
    """Noise [SIZE, SIZE] whose amplitude falls as frequency ** -slope; zero mean, unit deviation, tileable."""
    rng = np.random.default_rng(seed)
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE
    fx = np.fft.rfftfreq(SIZE)[None, :] * SIZE
    radius = np.hypot(fx, fy)
    radius[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((SIZE, SIZE))) * radius**-slope
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, s=(SIZE, SIZE))
    return (field / field.std()).astype(np.float32)


def patch(rng: np.random.Generator, height: int, width: int, slope: float, zoom: float = 1.0) -> Floats:
    """A random window [height, width] of a tile, each tile cell `zoom` pixels wide."""
    y0, x0 = rng.integers(0, SIZE, 2)
    y = ((np.arange(height) / zoom).astype(np.intp) + y0) & MASK
    x = ((np.arange(width) / zoom).astype(np.intp) + x0) & MASK
    return fractal(slope)[np.ix_(y, x)]


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@cache
def _grain_sheet(percent: int, stains: bool) -> Image.Image:
    """Noise about mid grey, as RGB [2 SIZE, 2 SIZE]; `percent` is its deviation in percent of brightness."""
    field = fractal(0.6, 31) + 0.9 * fractal(1.4, 32) if stains else fractal(0.75, 31)
    grey = np.clip(127.5 * (1.0 + percent / 100.0 * field), 0, 255).astype(np.uint8)
    return Image.fromarray(np.tile(grey, (2, 2))).convert("RGB")


def roughen(
    picture: Image.Image, grain: float, rng: np.random.Generator, zoom: float = 1.0, *, stains: bool = False
) -> Image.Image:
    """An RGB picture whose brightness varies.

    Args:
        picture: RGB.
        grain: deviation of the brightness, a share of 1.
        rng: picks the piece of texture.
        zoom: pixels that a texture cell covers; above 1 coarsens the texture.
        stains: add broad light and dark patches, as on walls.
    """
    sheet = _grain_sheet(round(100 * grain), stains)
    width, height = picture.size
    wide, high = min(2 * SIZE, max(1, round(width / zoom))), min(2 * SIZE, max(1, round(height / zoom)))
    x, y = (int(v) for v in rng.integers(0, SIZE, 2))
    piece = sheet.crop((x, y, min(2 * SIZE, x + wide), min(2 * SIZE, y + high)))
    if piece.size != picture.size:
        piece = piece.resize(picture.size, Image.Resampling.BILINEAR)
    return ImageChops.overlay(picture, piece)
