"""Which model is right where."""

from itertools import combinations

import numpy as np
import pytest

from front.compare.who_is_right import (
    COLOURS,
    ERROR_CLASSES,
    error_maps,
    outcome_classes,
    outcome_map,
    outcome_names,
    outcome_shares,
    shrink,
)
from tests.front.vision import VISION, difference

TITLES = ("A", "B")


def outcome() -> np.ndarray:
    """One pixel of each outcome, and a second one without a label."""
    wrong_a = np.array([[0, 0, 1, 1, 0, 1]], bool)
    wrong_b = np.array([[0, 1, 0, 1, 0, 1]], bool)
    labelled = np.array([[1, 1, 1, 1, 0, 0]], bool)
    return outcome_map(wrong_a, wrong_b, labelled)


def test_each_outcome_by_hand() -> None:
    names = [outcome_names(TITLES)[v] for v in outcome()[0]]
    assert names == ["both right", "only A right", "only B right", "both wrong", "no label", "no label"]
    assert [c["name"] for c in outcome_classes(TITLES)] == list(outcome_names(TITLES))


def test_shares_are_of_the_labelled_pixels_alone() -> None:
    assert outcome_shares(outcome(), TITLES) == dict.fromkeys(outcome_names(TITLES)[:4], 0.25)
    nothing = np.full((2, 2), 4, np.uint8)
    assert set(outcome_shares(nothing, TITLES).values()) == {0.0}


def test_each_model_has_its_own_errors() -> None:
    for errors, expected in zip(
        error_maps(outcome()),
        (["right", "right", "wrong", "wrong", "no label", "no label"], ["right", "wrong"] * 2 + ["no label"] * 2),
        strict=True,
    ):
        assert [ERROR_CLASSES[v]["name"] for v in errors[0]] == expected


def test_shrinking_invents_no_outcome() -> None:
    small = shrink(np.kron(outcome(), np.ones((6, 4), np.uint8)), (6, 3))
    assert small.tolist() == [outcome()[0].tolist()] * 3


@pytest.mark.parametrize("vision", VISION)
def test_colour_blind_eyes_tell_every_two_outcomes_apart(vision: str) -> None:
    assert min(difference(a, b, vision) for a, b in combinations(COLOURS, 2)) > 25
