"""Sky: a gradient, a glow about the sun, and clouds on a plane overhead."""

import numpy as np
from PIL import Image

from modelisation.scenes.picture.camera import Camera, Floats
from modelisation.scenes.picture.light import Light
from modelisation.scenes.picture.noise import MASK, fractal, smoothstep


def paint_sky(camera: Camera, light: Light, rng: np.random.Generator) -> Image.Image:
    """The sky over the whole picture, as an RGB image (below the horizon it repeats the horizon's colour)."""
    step = 4 if min(camera.width, camera.height) >= 64 else 1
    x, y, z = camera.rays(slice(0, camera.height), step)
    length = np.sqrt(x * x + y * y + z * z)
    up = np.clip(y / length, 0.0, 1.0)
    colour_HW3 = _gradient(up, light)
    facing = np.clip((x * light.sun[0] + y * light.sun[1] + z * light.sun[2]) / length, 0.0, 1.0)
    glow = facing**24 * (90.0 * light.sun_colour[0]) + facing**4 * (26.0 * light.sun_colour[0])
    cover, shade = _clouds(x, y, z, light, rng)
    cloud_HW3 = np.asarray(light.cloud, np.float32) * (1.0 - 0.32 * shade[..., None])
    colour_HW3 += (cloud_HW3 - colour_HW3) * cover[..., None]
    colour_HW3 += glow[..., None] * np.array([1.0, 0.95, 0.85], np.float32)
    sky = Image.fromarray(np.clip(colour_HW3, 0, 255).astype(np.uint8))
    return sky.resize((camera.width, camera.height), Image.Resampling.BILINEAR)


def _gradient(up: Floats, light: Light) -> Floats:
    t = np.sqrt(np.clip(up * 1.3, 0.0, 1.0))[..., None]
    low, high = np.asarray(light.horizon, np.float32), np.asarray(light.zenith, np.float32)
    return low + (high - low) * t


def _clouds(x: Floats, y: Floats, z: Floats, light: Light, rng: np.random.Generator) -> tuple[Floats, Floats]:
    height = np.maximum(y, 0.0) + 0.06
    scale = float(rng.uniform(18, 60))
    ox, oz = rng.uniform(0, 512, 2)
    u = (x / height * scale * 1.6 + ox).astype(np.int32) & MASK
    v = (z / height * scale * 0.9 + oz).astype(np.int32) & MASK
    big = fractal(1.5, 1)[v, u]
    lit = fractal(1.5, 1)[(v + 9) & MASK, (u + 7) & MASK]
    threshold = 1.6 - 3.0 * light.cloudiness
    cover = smoothstep(threshold - 0.5, threshold + 0.9, big) * smoothstep(-0.02, 0.1, y) * 0.92
    return cover, np.clip(0.5 + 0.5 * (lit - 0.4 * big), 0.0, 1.0)
