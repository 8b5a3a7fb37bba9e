"""The palette for colour blindness: every pair of classes stays apart, measured, not asserted by taste."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from front.palette import class_table, css, model_colours
from tests.front.fake_api import taxonomy

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


def seen(rgb: list[int], vision: str) -> npt.NDArray[np.float64]:
    c = np.array(rgb) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return lab(np.clip(VISION[vision] @ linear, 0, 1))


def closest(safe: bool, vision: str) -> float:
    table = class_table(taxonomy(), safe=safe)
    return min(
        float(np.linalg.norm(seen(a["color"], vision) - seen(b["color"], vision))) for a, b in combinations(table, 2)
    )


@pytest.mark.parametrize("vision", VISION)
def test_the_safe_palette_keeps_every_two_classes_apart(vision: str) -> None:
    assert closest(True, vision) > 25  # ten times the difference that is just noticed


def test_the_usual_palette_does_not_which_is_why_there_is_another() -> None:
    assert closest(False, "deuteranopia") < 10


def test_the_usual_table_is_the_taxonomy_s_own() -> None:
    table = class_table(taxonomy(), safe=False)
    assert table[0] == {"name": "road", "color": [128, 64, 128]}


def test_a_class_without_a_safe_colour_keeps_its_own() -> None:
    made_up = {"classes": [{"id": 0, "name": "kiosk", "color": [1, 2, 3]}]}
    assert class_table(made_up, safe=True) == [{"name": "kiosk", "color": [1, 2, 3]}]


def test_models_have_distinct_colours() -> None:
    assert len(set(model_colours([f"m{i}" for i in range(6)]).values())) == 6


def test_css_writes_hexadecimal() -> None:
    assert css((0, 70, 190)) == "#0046be"
