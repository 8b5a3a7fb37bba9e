import numpy as np
import pytest

from back.runtime.masks.brush import encode_brush
from modelisation.data.formats.shapes import from_label_studio


def masks() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    noise = rng.random((37, 53)) > 0.5
    runs = np.repeat(rng.random(60) > 0.5, rng.integers(1, 3000, 60))[:40_000].reshape(200, 200)
    one = np.zeros((5, 7), bool)
    one[2, 3] = True
    return {"nothing": np.zeros((9, 4), bool), "all": np.ones((300, 401), bool), "noise": noise, "runs": runs,
            "one pixel": one, "a pixel's picture": np.ones((1, 1), bool)}  # fmt: skip


@pytest.mark.parametrize("name", masks())
def test_a_brush_holds_the_mask_to_the_pixel(name: str) -> None:
    mask_HW = masks()[name]
    packed = encode_brush(mask_HW)
    assert all(type(byte) is int and 0 <= byte <= 255 for byte in packed)
    assert np.array_equal(from_label_studio(packed, *mask_HW.shape), mask_HW)


def test_label_studios_own_reader_reads_it() -> None:
    brush = pytest.importorskip(
        "label_studio_sdk.converter.brush", reason="label-studio-sdk is not installed: it asks for other pins"
    )
    for name, mask_HW in masks().items():
        rgba = brush.decode_rle(encode_brush(mask_HW)).reshape(*mask_HW.shape, 4)
        assert np.array_equal(rgba, np.repeat(mask_HW[:, :, None], 4, axis=2) * np.uint8(255)), name
