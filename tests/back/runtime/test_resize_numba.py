"""Resizing by numba against Pillow's own, byte for byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize, to_input
from back.runtime.resize_numba import resize_bilinear


def assert_as_pillow(height: int, width: int, new_height: int, new_width: int, seed: int = 0) -> None:
    image_HWC = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image_HWC[: height // 2] //= 128
    image_HWC[: height // 2] *= 255  # black and white, where sums are largest
    around = np.full((new_height + 2, new_width + 3, 3), 7, np.uint8)
    resize_bilinear(image_HWC, around[:new_height, :new_width])
    across = Image.fromarray(image_HWC).resize((new_width, height), Image.Resampling.BILINEAR)
    expected = across.resize((new_width, new_height), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(around[:new_height, :new_width], np.asarray(expected))
    assert (around[new_height:] == 7).all()
    assert (around[:, new_width:] == 7).all()


@pytest.mark.parametrize(
    ("size", "new_size"),
    [
        ((720, 1280), (360, 640)),
        ((1024, 2048), (443, 887)),
        ((1024, 2048), (512, 1024)),
        ((4, 4), (2, 2)),
        ((4, 6), (2, 3)),
        ((2, 8), (1, 4)),
        ((1080, 1920), (470, 836)),
        ((375, 1242), (228, 757)),
        ((97, 131), (97, 50)),
        ((97, 131), (300, 131)),
        ((60, 80), (360, 480)),
        ((1, 1), (5, 3)),
        ((900, 2), (31, 1)),
    ],
)
def test_it_gives_what_pillow_gives(size: tuple[int, int], new_size: tuple[int, int]) -> None:
    assert_as_pillow(*size, *new_size)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 120), st.integers(1, 120), st.integers(1, 120), st.integers(1, 120), st.integers(0, 99))
def test_it_does_at_any_size(height: int, width: int, new_height: int, new_width: int, seed: int) -> None:
    assert_as_pillow(height, width, new_height, new_width, seed)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_it_does_at_half_of_any_size(new_height: int, new_width: int, seed: int) -> None:
    assert_as_pillow(2 * new_height, 2 * new_width, new_height, new_width, seed)


CONTRACT = InputContract(mean=(0.5, 0.4, 0.3), std=(1.0, 1.0, 1.0), pixel_budget=5000)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(500, 9000), st.integers(0, 99))
def test_photos_of_any_shape_become_what_one_call_of_pillow_gives(
    height: int, width: int, budget: int, seed: int
) -> None:
    image_HWC = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    plan = plan_resize(height, width, CONTRACT, budget)
    input_HWC = to_input(image_HWC, plan, CONTRACT)
    expected = Image.fromarray(image_HWC).resize((plan.width, plan.height), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(input_HWC[: plan.height, : plan.width], np.asarray(expected))
    padding_N3 = np.concatenate((input_HWC[plan.height :].reshape(-1, 3), input_HWC[:, plan.width :].reshape(-1, 3)))
    assert (padding_N3 == (128, 102, 76)).all()
