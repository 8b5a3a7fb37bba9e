import numpy as np
import pytest

from back.runtime.class_counts import count_labels


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 97)])
def test_counts_equal_those_of_bincount(shape):
    labels_HW = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(count_labels(labels_HW), np.bincount(labels_HW.reshape(-1), minlength=256))


def test_a_view_with_gaps_between_rows_is_taken():
    labels_HW = np.arange(60, dtype=np.uint8).reshape(6, 10)[:, 1:7]
    np.testing.assert_array_equal(count_labels(labels_HW), np.bincount(labels_HW.reshape(-1), minlength=256))
