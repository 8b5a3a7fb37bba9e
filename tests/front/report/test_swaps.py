"""Which class turns into which, largest first."""

import pytest

from front.report.swaps import largest_swaps


def test_swaps_are_largest_first_and_by_name() -> None:
    swaps = largest_swaps([[5, 3], [2, 0]], ["sky", "road"], ["road", "sky"])
    assert swaps == [("sky", "road", pytest.approx(50))]
    swaps = largest_swaps([[5, 1], [4, 0]], ["road", "sky"], ["road", "sky"])
    assert [s[:2] for s in swaps] == [("sky", "road"), ("road", "sky")]
    assert largest_swaps([[1, 0], [0, 1]], ["a", "b"], ["a", "b"]) == []
