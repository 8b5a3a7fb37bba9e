"""How far apart two colours are to the eye, and to eyes that cannot tell red from green."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Simulation of full dichromacy on linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.0.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


def lab(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIE L*a*b* (D65) of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def seen(rgb: Sequence[int], vision: str) -> npt.NDArray[np.float64]:
    c = np.array(rgb) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return lab(np.clip(VISION[vision] @ linear, 0, 1))


def difference(a: Sequence[int], b: Sequence[int], vision: str) -> float:
    """CIE76; 2.5 is just noticed."""
    return float(np.linalg.norm(seen(a, vision) - seen(b, vision)))


def ciede2000(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIEDE2000 of CIE L*a*b* colours [..., 3]; 1 is just noticed, when two fields touch.

    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test data, and
    mathematical observations" (2005), with all three weights 1.
    """
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(np.asarray(a, float), -1, 0), np.moveaxis(np.asarray(b, float), -1, 0)
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1 + (1 - np.sqrt(mean7 / (mean7 + 25.0**7))) / 2
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(y, stretch * x)) % 360 for x, y in ((a1, b1), (a2, b2)))
    turn = np.where(c1 * c2 == 0, 0.0, (h2 - h1 + 180) % 360 - 180)
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    apart = np.abs(h1 - h2) > 180
    hue = np.where(
        c1 * c2 == 0, h1 + h2, np.where(apart, (h1 + h2 + np.where(h1 + h2 < 360, 360, -360)) / 2, (h1 + h2) / 2)
    )
    t = 1 + sum(k * np.cos(np.radians(n * hue + shift)) for k, n, shift in
                ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63)))  # fmt: skip
    sl = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    rotation = np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    rotation *= -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    light, c, h = dl / sl, dc / sc, dh / sh
    return np.asarray(np.sqrt(light * light + c * c + h * h + rotation * c * h))


def lab_of(rgb: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """CIE L*a*b* of sRGB 0..255, [..., 3]."""
    flat = np.asarray(rgb, float).reshape(-1, 3)
    return np.array([seen(one, "normal") for one in flat]).reshape(np.shape(rgb))
