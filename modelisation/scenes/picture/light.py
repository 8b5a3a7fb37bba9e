"""Weather and light of a scene."""

from dataclasses import dataclass

import numpy as np

from modelisation.scenes.picture.canvas import Colour

Sky = tuple[Colour, Colour, Colour]  # zenith, horizon, clouds
WEATHERS = ("clear", "bright", "overcast", "rain", "fog", "dusk")


@dataclass(frozen=True)
class Light:
    """Light that falls on things, and what the sky and the air look like. Colours are 0..255, factors about 1."""

    weather: str
    sun: tuple[float, float, float]  # direction towards the sun, unit length
    sun_colour: Colour  # factor added on faces that look at the sun
    ambient: Colour  # factor on every face
    zenith: Colour
    horizon: Colour
    cloud: Colour
    cloudiness: float  # 0..1
    haze: Colour
    haze_distance: float  # metres at which 63 % of a thing is hidden
    wet: float  # 0..1
    exposure: float
    lamps: bool

    def shade(self, colour: Colour, normal: tuple[float, float, float], lit: float = 1.0) -> Colour:
        """A surface's colour under this light; `lit` is the share of sunlight that reaches it."""
        (nx, ny, nz), (sx, sy, sz) = normal, self.sun
        facing = max(0.0, nx * sx + ny * sy + nz * sz) * lit
        fill = 0.82 + 0.18 * ny
        (r, g, b), (ar, ag, ab), (br, bg, bb) = colour, self.ambient, self.sun_colour
        return r * (ar * fill + br * facing), g * (ag * fill + bg * facing), b * (ab * fill + bb * facing)

    @property
    def casts_shadows(self) -> bool:
        """Is the sun strong enough for shadows with an edge?"""
        return self.sun_colour[0] >= 0.2

    @property
    def shadow_shift(self) -> tuple[float, float]:
        """How far (x, z) a point's shadow falls, in metres for each metre of height."""
        up = max(0.15, self.sun[1])
        return -self.sun[0] / up, -self.sun[2] / up


def sample_light(rng: np.random.Generator) -> Light:
    """Draw a weather and its light."""
    weather = str(rng.choice(WEATHERS, p=(0.3, 0.17, 0.25, 0.1, 0.06, 0.12)))
    elevation = np.deg2rad(rng.uniform(18, 62))
    azimuth = rng.uniform(0, 2 * np.pi)
    sun = (
        float(np.cos(elevation) * np.sin(azimuth)),
        float(np.sin(elevation)),
        float(np.cos(elevation) * np.cos(azimuth)),
    )
    warm = rng.uniform(0.9, 1.1)
    blue = float(rng.uniform(0.75, 1.1))
    grey = float(rng.uniform(0.85, 1.12))

    def make(
        sun_strength: float,
        ambient: tuple[float, float, float],
        sky: Sky,
        haze_distance: float,
        wet: float = 0.0,
        lamps: bool = False,
        cloudiness: tuple[float, float] = (0.0, 1.0),
    ) -> Light:
        zenith, horizon, cloud = sky
        tint = (sun_strength * warm, sun_strength * 0.95, sun_strength * 0.84 / warm)
        return Light(
            weather, sun, tint, ambient, zenith, horizon, cloud, float(rng.uniform(*cloudiness)), horizon,
            haze_distance * float(rng.uniform(0.7, 1.4)), wet, float(rng.uniform(0.82, 1.18)), lamps,
        )  # fmt: skip

    sky: Sky
    if weather == "clear":
        sky = ((70 * blue, 120 * blue, 190), (186, 208, 228), (248, 248, 246))
        return make(0.85, (0.52, 0.56, 0.63), sky, 900, cloudiness=(0.05, 0.6))
    if weather == "bright":  # a sky that burns out to white, as dashboard cameras see it against the light
        sky = ((206, 222, 240), (246, 249, 252), (255, 255, 255))
        return make(0.7, (0.48, 0.50, 0.54), sky, 500, cloudiness=(0.2, 0.8))
    if weather == "overcast":
        sky = ((165 * grey, 172 * grey, 182 * grey), (205 * grey, 208 * grey, 212 * grey), (225, 227, 230))
        return make(0.08, (0.78, 0.80, 0.83), sky, 420, cloudiness=(0.7, 1.0))
    if weather == "rain":
        sky = ((120 * grey, 126 * grey, 134 * grey), (165 * grey, 170 * grey, 175 * grey), (178, 182, 188))
        return make(0.0, (0.62, 0.65, 0.70), sky, 170, wet=float(rng.uniform(0.5, 1)), cloudiness=(0.6, 1.0))
    if weather == "fog":
        sky = ((190 * grey, 194 * grey, 198 * grey), (205 * grey, 207 * grey, 209 * grey), (212, 213, 215))
        return make(0.0, (0.76, 0.77, 0.79), sky, 60, wet=float(rng.uniform(0, 0.4)), cloudiness=(-0.5, -0.3))
    sky = ((66, 82, 122), (214, 168, 132) if rng.random() < 0.6 else (150, 160, 178), (150, 128, 128))
    ambient = float(rng.uniform(0.32, 0.56))
    return make(
        0.1, (ambient, ambient * 1.0, ambient * 1.1), sky, 450, lamps=True, wet=0.3 * float(rng.random() < 0.3)
    )
