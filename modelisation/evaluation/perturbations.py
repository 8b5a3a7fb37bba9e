"""What happens to photos on their way: other light, a soft lens, noise, compression, a tilted camera, another size.

Every perturbation takes a picture with its label map and gives both back, in step with each other.
"""

import io
import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from modelisation.evaluation.weather import CORRUPTIONS

Pixels = npt.NDArray[np.uint8]
SEVERITY = 3  # of weather, of 5
# Picture uint8 [H, W, 3], label uint8 [H, W], random numbers of this picture's own -> the same, H and W may differ.
Perturbation = Callable[[Pixels, Pixels, np.random.Generator], tuple[Pixels, Pixels]]


def brightness(factor: float) -> Perturbation:
    """Every value times `factor`, clipped at white."""
    table = np.rint(np.arange(256) * factor).clip(0, 255).astype(np.uint8)
    return lambda image, label, _: (table[image], label)


def blur(sigma: float) -> Perturbation:
    """Gaussian blur of `sigma` pixels; Pillow's three box filters have exactly that variance."""
    soften = ImageFilter.GaussianBlur(sigma)
    return lambda image, label, _: (np.asarray(Image.fromarray(image).filter(soften)), label)


def noise(sigma: float) -> Perturbation:
    """Gaussian noise of `sigma` grey levels (of 255), independent in every pixel and channel."""

    def add(image: Pixels, label: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        noisy = image + rng.normal(0, sigma, image.shape)
        return np.rint(noisy).clip(0, 255).astype(np.uint8), label

    return add


def jpeg(quality: int) -> Perturbation:
    """Compressed as JPEG of this quality and unpacked again."""

    def compress(image: Pixels, label: Pixels, _: np.random.Generator) -> tuple[Pixels, Pixels]:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as unpacked:
            return np.asarray(unpacked.convert("RGB")), label

    return compress


def rotation(degrees: float, fill: tuple[int, int, int], ignore_index: int = 255) -> Perturbation:
    """Turned about the centre, counter-clockwise, at the same size.

    What comes from outside the picture has the colour `fill` and the label `ignore_index`, so it does not count.
    """

    def turn(image: Pixels, label: Pixels, _: np.random.Generator) -> tuple[Pixels, Pixels]:
        turned = Image.fromarray(image).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=fill)
        turned_label = Image.fromarray(label).rotate(degrees, Image.Resampling.NEAREST, fillcolor=ignore_index)
        return np.asarray(turned), np.asarray(turned_label)

    return turn


def scaling(factor: float) -> Perturbation:
    """Resized, the label by nearest neighbour; the score is taken at the new size."""

    def resize(image: Pixels, label: Pixels, _: np.random.Generator) -> tuple[Pixels, Pixels]:
        height, width = (max(1, math.floor(side * factor + 0.5)) for side in label.shape)
        resized = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(resized), np.asarray(
            Image.fromarray(label).resize((width, height), Image.Resampling.NEAREST)
        )

    return resize


def cast(red: float, green: float, blue: float) -> Perturbation:
    """A colour cast: each channel times its gain, which are scaled to a mean of 1, clipped at white."""
    gains_3 = 3 * np.array([red, green, blue]) / (red + green + blue)
    table_256_3 = np.rint(np.arange(256)[:, None] * gains_3).clip(0, 255).astype(np.uint8)
    channels = np.arange(3)
    return lambda image, label, _: (table_256_3[image, channels], label)


def gamma(exponent: float) -> Perturbation:
    """Every value to a power, black and white kept."""
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda image, label, _: (table[image], label)


def weather(name: str, severity: int) -> Perturbation:
    """One of the standard corruptions of `modelisation.evaluation.weather`."""
    corrupt = CORRUPTIONS[name]
    return lambda image, label, rng: (corrupt(image, severity, rng), label)


def perturbations(fill: tuple[int, int, int], ignore_index: int = 255) -> Mapping[str, Perturbation]:
    """The ones that a card reports, by the name that people read.

    Args:
        fill: colour of what a turned photo does not cover; the mean colour, as in serving's own padding.
        ignore_index: label of those pixels.
    """
    return {
        "brightness × 0.8": brightness(0.8),
        "brightness × 1.2": brightness(1.2),
        "Gaussian blur, sigma 1 px": blur(1.0),
        "Gaussian noise, sigma 8/255": noise(8.0),
        "JPEG quality 40": jpeg(40),
        "rotation +5°": rotation(5.0, fill, ignore_index),
        "rotation −5°": rotation(-5.0, fill, ignore_index),
        "scale × 0.75": scaling(0.75),
        "scale × 1.33": scaling(1.33),
        "warm cast": cast(1.2, 1.0, 0.8),
        "cool cast": cast(0.8, 1.0, 1.2),
        "green cast": cast(0.9, 1.2, 0.9),
        "gamma 0.7": gamma(0.7),
        "gamma 1.4": gamma(1.4),
        "fog, severity 3": weather("fog", SEVERITY),
        "snow, severity 3": weather("snow", SEVERITY),
        "frost, severity 3": weather("frost", SEVERITY),
        "low light, severity 3": weather("low light", SEVERITY),
    }
