"""The palette for colour blindness: every pair of classes stays apart, measured, not asserted by taste."""

from itertools import combinations

import pytest

from front.palette import class_table, css, model_colours
from tests.front.fake_api import taxonomy
from tests.front.vision import VISION, difference


def closest(safe: bool, vision: str) -> float:
    table = class_table(taxonomy(), safe=safe)
    return min(difference(a["color"], b["color"], vision) for a, b in combinations(table, 2))


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
