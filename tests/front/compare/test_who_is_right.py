"""Which model is right where."""

from itertools import combinations

import numpy as np
import pytest

from back import compared_maps
from front.compare import who_is_right
from front.compare.who_is_right import (
    COLOURS,
    ERROR_CLASSES,
    as_png,
    error_maps,
    outcome_classes,
    outcome_names,
    outcome_shares,
    shrunk,
    with_models_swapped,
)
from tests.front.vision import VISION, difference

TITLES = ("A", "B")


# One pixel of each outcome, as the API numbers them, and a second one without a label.
OUTCOME = np.array([[0, 1, 2, 3, 4, 4]], np.uint8)


def test_the_numbers_are_the_api_s() -> None:
    assert [*(compared_maps.BOTH_RIGHT, compared_maps.ONLY_A, compared_maps.ONLY_B, compared_maps.BOTH_WRONG)] == [
        who_is_right.BOTH_RIGHT,
        who_is_right.ONLY_A,
        who_is_right.ONLY_B,
        who_is_right.BOTH_WRONG,
    ]
    assert who_is_right.NO_LABEL == compared_maps.NO_LABEL
    names = [outcome_names(TITLES)[v] for v in OUTCOME[0]]
    assert names == ["both right", "only A right", "only B right", "both wrong", "no label", "no label"]
    assert [c["name"] for c in outcome_classes(TITLES)] == list(outcome_names(TITLES))


def test_shares_are_of_the_labelled_pixels_alone() -> None:
    assert outcome_shares((5, 1, 2, 2), TITLES) == {
        "both right": 0.5,
        "only A right": 0.1,
        "only B right": 0.2,
        "both wrong": 0.2,
    }
    assert set(outcome_shares((0, 0, 0, 0), TITLES).values()) == {0.0}


def test_each_model_has_its_own_errors() -> None:
    for errors, expected in zip(
        error_maps(OUTCOME),
        (["right", "right", "wrong", "wrong", "no label", "no label"], ["right", "wrong"] * 2 + ["no label"] * 2),
        strict=True,
    ):
        assert [ERROR_CLASSES[v]["name"] for v in errors[0]] == expected
    assert error_maps(with_models_swapped(OUTCOME))[0].tolist() == error_maps(OUTCOME)[1].tolist()


def test_shrinking_invents_no_outcome() -> None:
    large = as_png(np.kron(OUTCOME, np.ones((6, 4), np.uint8)))
    assert shrunk(large, (6, 3)).tolist() == [OUTCOME[0].tolist()] * 3


@pytest.mark.parametrize("vision", VISION)
def test_colour_blind_eyes_tell_every_two_outcomes_apart(vision: str) -> None:
    assert min(difference(a, b, vision) for a, b in combinations(COLOURS, 2)) > 25
