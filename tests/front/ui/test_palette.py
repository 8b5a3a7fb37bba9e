"""The palette for colour blindness: every pair of classes stays apart, measured, not asserted by taste."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import front
from back.runtime.masks.hatch import hatches_of, strength_at
from back.runtime.taxonomy import STREET8, TAXONOMIES
from front.ui.palette import HATCH_LINE, HATCH_OPACITY, HATCHES, class_table, css
from tests.front.fake_records import taxonomy
from tests.front.vision import VISION, ciede2000, difference, lab_of

OPACITY = 0.6  # with which the viewer begins
TOLD_APART = 8.0  # CIEDE2000: two colours at a glance, where 1 is just noticed


def closest(classes: dict[str, Any], vision: str) -> float:
    table = class_table(classes, safe=True)
    return min(difference(a["color"], b["color"], vision) for a, b in combinations(table, 2))


# Nineteen colours that hold the five of the smaller set reach 25.3 here; with all of them free a search reached 28.
@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", TAXONOMIES)
def test_the_safe_palette_keeps_every_two_classes_apart(name: str, vision: str) -> None:
    assert closest(TAXONOMIES[name].model_dump(), vision) > 25  # ten times the difference that is just noticed


def test_the_usual_table_is_the_taxonomy_s_own() -> None:
    own = [{"name": c["name"], "color": c["color"]} for c in taxonomy()["classes"]]
    hatches = {"building": {"hatch": 0}, "background": {"hatch": 1}}
    assert class_table(taxonomy(), safe=False) == [one | hatches.get(one["name"], {}) for one in own]


@pytest.mark.parametrize("name", TAXONOMIES)
def test_the_api_s_overlay_hatches_the_same_classes_alike(name: str) -> None:
    classes = TAXONOMIES[name].model_dump()
    bits = hatches_of(np.array([c["color"] for c in classes["classes"]], np.uint8))
    hatches = [c.get("hatch") for c in class_table(classes, safe=False)]
    assert [None if not bit else int(bit) - 1 for bit in bits[: len(hatches)]] == hatches
    assert HATCHES == 3
    assert strength_at(OPACITY) == HATCH_OPACITY


def photo_pixels(lowest: float, highest: float) -> np.ndarray:
    """Pixels of the sample photos between two quantiles of their brightness, [n, 3]."""
    samples = sorted((Path(front.__file__).parent / "samples").glob("*.jpg"))
    pixels = np.concatenate([np.asarray(Image.open(one).resize((64, 32))).reshape(-1, 3) for one in samples])
    order = np.argsort(pixels.sum(1))
    return pixels[order[int(lowest * len(order)) : int(highest * len(order))]][::40].astype(float)


def over(color: Any, pixels: np.ndarray, opacity: float = OPACITY) -> np.ndarray:
    return (1 - opacity) * pixels + opacity * np.asarray(color)


@pytest.mark.parametrize("safe", [False, True])
def test_over_a_shadow_every_class_is_told_from_it_and_from_every_other(safe: bool) -> None:
    """By its colour, or by lines that stand out of it; the shadow is a dark spot of a photo, in a class or bare."""
    shadows, lit = photo_pixels(0.02, 0.2), photo_pixels(0.2, 0.9)
    table = class_table(STREET8.model_dump(), safe=safe)
    plain = {c["name"]: lab_of(over(c["color"], shadows)) for c in table if "hatch" not in c}
    plain["a shadow"] = lab_of(shadows)
    for (a, one), (b, other) in combinations(plain.items(), 2):
        assert ciede2000(one, other).min() > TOLD_APART, (a, b)
    hatched = [c for c in table if "hatch" in c]
    assert len({c["hatch"] for c in hatched}) == len(hatched) > 0
    for c in hatched:
        for pixels in (shadows, lit):
            below = over(c["color"], pixels)
            assert ciede2000(lab_of(below), lab_of(over(HATCH_LINE, below, HATCH_OPACITY))).min() > TOLD_APART, c


def test_without_lines_building_and_background_look_like_shadows() -> None:
    """Why they are hatched: over spots of another brightness the two are one colour, and so is the bare photo."""
    greys = lab_of(np.repeat(np.arange(0, 256, 8)[:, None], 3, 1))
    building, background = (lab_of(over(c.color, np.repeat(np.arange(0, 256, 8)[:, None], 3, 1)))
                            for c in STREET8.classes if c.name in ("building", "background"))  # fmt: skip
    for one, other in ((building, background), (building, greys), (background, greys)):
        assert ciede2000(one[:, None], other[None]).min() < 1


def test_the_measure_gives_the_published_differences() -> None:
    """Of the supplementary data to Sharma, Wu and Dalal 2005."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for a, b, known in pairs:
        assert ciede2000(np.array(a), np.array(b)) == pytest.approx(known, abs=1e-4)


def test_a_class_without_a_safe_colour_keeps_its_own() -> None:
    made_up = {"classes": [{"id": 0, "name": "kiosk", "color": [1, 200, 3]}]}
    assert class_table(made_up, safe=True) == [{"name": "kiosk", "color": [1, 200, 3]}]


def test_css_writes_hexadecimal() -> None:
    assert css((0, 70, 190)) == "#0046be"
