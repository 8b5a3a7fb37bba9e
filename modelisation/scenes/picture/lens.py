"""From a painting to a photograph: haze, wet reflections, exposure, vignette, blur, noise.

All of it runs on 8-bit pictures inside Pillow, which is several times faster than float arrays.
"""

from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from modelisation.scenes.picture.camera import Camera
from modelisation.scenes.picture.canvas import rgb
from modelisation.scenes.picture.light import Light
from modelisation.scenes.picture.noise import SIZE, fractal


def develop(
    picture: Image.Image,
    hidden_HW: npt.NDArray[np.uint8],
    paved_HW: npt.NDArray[np.bool_],
    camera: Camera,
    light: Light,
    rng: np.random.Generator,
    noise_rng: np.random.Generator | None = None,
) -> npt.NDArray[np.uint8]:
    """Apply air and camera to a painted picture.

    Args:
        picture: RGB, as painted; it is changed.
        hidden_HW: how much haze lies before each pixel, 0..255.
        paved_HW: where hard ground is; it mirrors when it is wet.
        noise_rng: for the sensor's noise, where it differs while exposure and lens stay; default `rng`.

    Returns:
        uint8 [height, width, 3].
    """
    picture.paste(rgb(light.haze), (0, 0), Image.fromarray(hidden_HW))
    if light.wet > 0.05:
        _reflect(picture, paved_HW, camera, light)
    picture = ImageChops.multiply(picture, _vignette(picture.size, int(rng.integers(0, 11))))
    picture = picture.point(_tone_curve(light, rng))
    radius = float(rng.uniform(0.3, 0.75)) * max(0.5, picture.height / 512)
    picture = picture.filter(ImageFilter.BoxBlur(radius))
    grain = float(rng.uniform(1.0, 4.5)) * (1.5 if light.lamps else 1.0)
    return np.asarray(ImageChops.add(picture, _noise(picture.size, grain, noise_rng or rng), offset=-128))


@lru_cache(maxsize=16)
def _vignette(size: tuple[int, int], tenths: int) -> Image.Image:
    """What the lens lets through: white in the middle, `tenths` / 10 of the strongest fall-off in the corners."""
    small = Image.radial_gradient("L").point([255 - int(tenths / 10 * 70 * (v / 255) ** 2) for v in range(256)])
    return small.resize(size, Image.Resampling.BILINEAR).convert("RGB")


def _tone_curve(light: Light, rng: np.random.Generator) -> list[int]:
    """A camera's tone curve as a table of 3 x 256: exposure, white balance, contrast, veiling glare, highlights."""
    gain = rng.normal(1.0, 0.022, 3) * light.exposure
    veil, contrast = float(rng.uniform(-4, 14)), float(rng.uniform(0.92, 1.2))
    value = np.arange(256.0)
    table: list[int] = []
    lift = float(rng.uniform(0.72, 1.0))  # gamma
    for g in gain:
        curve = (255.0 * (value / 255.0) ** lift * g - 110.0) * contrast + 110.0 + veil
        curve = np.where(curve > 210.0, 210.0 + (curve - 210.0) * 0.7, curve)  # highlights roll off
        table += [int(v) for v in np.clip(curve, 0, 255)]
    return table


@cache
def _speckle() -> Image.Image:
    """Sensor noise of unit strength 16 about 128, RGB [SIZE, SIZE]."""
    planes = [np.clip(128.0 + 16.0 * fractal(0.15, 21 + k), 0, 255) for k in range(3)]
    mean = (planes[0] + planes[1] + planes[2]) / 3  # mostly brightness, a little colour
    return Image.fromarray(np.stack([0.45 * p + 0.9 * (mean - 128) + 70.4 for p in planes], axis=2).astype(np.uint8))


def _noise(size: tuple[int, int], grain: float, rng: np.random.Generator) -> Image.Image:
    table = [round(128 + (v - 128) * grain / 16) for v in range(256)]
    tile = _speckle().point(table * 3)
    dx, dy = (int(v) for v in rng.integers(0, SIZE, 2))
    tile = ImageChops.offset(tile, dx, dy)
    full = Image.new("RGB", size)
    for y in range(0, size[1], SIZE):
        for x in range(0, size[0], SIZE):
            full.paste(tile, (x, y))
            tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return full


def _reflect(picture: Image.Image, paved_HW: npt.NDArray[np.bool_], camera: Camera, light: Light) -> None:
    """Wet asphalt mirrors what stands above the horizon, smeared downwards."""
    width, height = picture.size
    horizon = min(height - 1, max(1, camera.horizon_row()))
    below = height - horizon
    mirror = picture.crop((0, max(0, horizon - below), width, horizon)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirror = mirror.resize((max(1, width // 3), max(1, below // 12)), Image.Resampling.BOX)
    mirror = mirror.resize((width, below), Image.Resampling.BICUBIC)
    fresnel = (np.linspace(165, 45, below) * light.wet).astype(np.uint8)[:, None]
    picture.paste(mirror, (0, horizon), Image.fromarray(fresnel * paved_HW[horizon:]))
