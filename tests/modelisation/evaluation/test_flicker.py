import numpy as np

from modelisation.evaluation.flicker import count_flicker, still_pixels


def test_only_pixels_whose_picture_stands_still_flicker() -> None:
    before = np.full((9, 12, 3), 100, np.uint8)
    after = before + 3
    after[:, 6:] += 40
    still = still_pixels(before, after)
    assert still[:, :6].all()
    assert not still[:, 6:].any()
    labels = np.zeros((9, 12), np.uint8)
    changed = labels.copy()
    changed[0, 4:8] = 1
    assert count_flicker(labels, changed, still) == (2, 54)
