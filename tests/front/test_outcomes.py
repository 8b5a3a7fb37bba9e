"""Who is right where, and which classes swap."""

import numpy as np
import pytest

from front.outcomes import as_png, largest_swaps, outcome_classes, outcome_map, outcome_names, outcome_shares

TITLES = ("A", "B")


def test_each_outcome_by_hand() -> None:
    wrong_a = np.array([[0, 0, 255, 255]], np.uint8)
    wrong_b = np.array([[0, 255, 0, 255]], np.uint8)
    outcome = outcome_map(as_png(wrong_a), as_png(wrong_b), (4, 1))
    names = [outcome_names(TITLES)[v] for v in outcome[0]]
    assert names == ["both right, or no label", "only A right", "only B right", "both wrong"]
    assert outcome_shares(outcome, TITLES) == dict.fromkeys(outcome_names(TITLES), 0.25)
    assert [c["name"] for c in outcome_classes(TITLES)] == list(outcome_names(TITLES))


def test_swaps_are_largest_first_and_by_name() -> None:
    swaps = largest_swaps([[5, 3], [2, 0]], ["sky", "road"], ["road", "sky"])
    assert swaps == [("sky", "road", pytest.approx(50))]
    swaps = largest_swaps([[5, 1], [4, 0]], ["road", "sky"], ["road", "sky"])
    assert [s[:2] for s in swaps] == [("sky", "road"), ("road", "sky")]
    assert largest_swaps([[1, 0], [0, 1]], ["a", "b"], ["a", "b"]) == []
