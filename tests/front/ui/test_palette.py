"""The palette for colour blindness: every pair of classes stays apart, measured, not asserted by taste."""

from itertools import combinations
from typing import Any

import pytest

from back.runtime.taxonomy import TAXONOMIES
from front.ui.palette import class_table, css
from tests.front.fake_records import taxonomy
from tests.front.vision import VISION, difference


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
    assert class_table(taxonomy(), safe=False) == own


def test_a_class_without_a_safe_colour_keeps_its_own() -> None:
    made_up = {"classes": [{"id": 0, "name": "kiosk", "color": [1, 2, 3]}]}
    assert class_table(made_up, safe=True) == [{"name": "kiosk", "color": [1, 2, 3]}]


def test_css_writes_hexadecimal() -> None:
    assert css((0, 70, 190)) == "#0046be"
