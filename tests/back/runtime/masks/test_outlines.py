import numpy as np

from back.runtime.masks.outlines import regions_of, simplified


def test_a_simplified_outline_has_fewer_points_all_of_the_old_ones_and_is_as_near_as_told() -> None:
    rows, columns = np.mgrid[:200, :200]
    ring = regions_of((((rows - 99) ** 2 + (columns - 99) ** 2) < 80**2).astype(np.uint8))[-1].outer
    fewer = simplified(ring, 1.0)
    assert len(fewer) < len(ring) / 3
    assert {tuple(point) for point in fewer.tolist()} <= {tuple(point) for point in ring.tolist()}
    assert np.array_equal(fewer[0], fewer[-1])
    starts, ends = fewer[:-1], fewer[1:]
    lengths = np.hypot(*(ends - starts).T)
    for point in ring:
        between = (ends - starts) / lengths[:, None]
        along = np.clip(((point - starts) * between).sum(1), 0, lengths)
        assert np.hypot(*(point - starts - between * along[:, None]).T).min() <= 1.0 + 1e-9


def test_a_rectangle_keeps_its_corners() -> None:
    labels_HW = np.zeros((20, 30), np.uint8)
    labels_HW[5:10, 5:25] = 1
    ring = next(region for region in regions_of(labels_HW) if region.class_id == 1).outer
    assert len(simplified(ring, 0.1)) == len(ring)
