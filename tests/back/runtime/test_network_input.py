"""The size of the network's input, and a photo resized and padded to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from back.runtime.card import InputContract
from back.runtime.imaging import plan_resize, to_input
from tests.back.runtime.test_imaging import MILLION, photo

CONTRACT = InputContract(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), pixel_budget=512 * 1024)


@pytest.mark.parametrize(
    ("photo_size", "resized", "padded"),
    [
        ((1024, 2048), (512, 1024), (512, 1024)),
        ((512, 1024), (512, 1024), (512, 1024)),
        ((256, 512), (512, 1024), (512, 1024)),
        ((360, 480), (627, 836), (640, 864)),
        ((3000, 4000), (627, 836), (640, 864)),
        ((1, 1), (724, 724), (736, 736)),
    ],
)
def test_plan_known_sizes(photo_size, resized, padded):
    plan = plan_resize(*photo_size, CONTRACT, None)
    assert (plan.height, plan.width) == resized
    assert (plan.padded_height, plan.padded_width) == padded


@given(
    height=st.integers(1, 20_000),
    width=st.integers(1, 20_000),
    budget=st.integers(32 * 32, 4 * MILLION),
    stride=st.sampled_from([8, 16, 32]),
)
def test_plan_keeps_the_budget_the_stride_and_the_aspect(height, width, budget, stride):
    plan = plan_resize(height, width, CONTRACT.model_copy(update={"stride": stride}), budget)
    assert plan.padded_height % stride == plan.padded_width % stride == 0
    assert 0 <= plan.padded_height - plan.height < stride
    assert 0 <= plan.padded_width - plan.width < stride
    # The budget holds up to rounding, and padding cannot make a thin strip cost many times as much.
    assert plan.height * plan.width <= budget + plan.height + plan.width
    assert plan.padded_height * plan.padded_width <= 4 * budget + stride * stride
    scale = plan.width / width if width >= height else plan.height / height
    assert abs(plan.height - max(1, scale * height)) <= 1.5
    assert abs(plan.width - max(1, scale * width)) <= 1.5


def test_a_thin_strip_does_not_exceed_the_budget_by_padding():
    plan = plan_resize(1, 100_000, CONTRACT, None)
    assert plan.padded_height * plan.padded_width <= 2 * CONTRACT.pixel_budget


@given(height=st.integers(1, 5000), width=st.integers(1, 5000))
def test_fixed_size_holds_the_whole_photo(height, width):
    plan = plan_resize(height, width, CONTRACT.model_copy(update={"fixed_size": (128, 256)}), None)
    assert (plan.padded_height, plan.padded_width) == (128, 256)
    assert 1 <= plan.height <= 128
    assert 1 <= plan.width <= 256
    assert plan.height == 128 or plan.width == 256


def test_input_of_the_networks_own_size_is_the_photo_itself():
    image = photo(64, 96)
    contract = CONTRACT.model_copy(update={"pixel_budget": 64 * 96})
    np.testing.assert_array_equal(to_input(image, plan_resize(64, 96, contract, None), contract), image)


def test_input_is_resized_with_the_cards_filter_and_padded_with_the_mean():
    image = photo(50, 70)
    for name, resampling in (("box", Image.Resampling.BOX), ("lanczos", Image.Resampling.LANCZOS)):
        contract = CONTRACT.model_copy(update={"pixel_budget": 2000, "resize_filter": name})
        plan = plan_resize(50, 70, contract, None)
        tensor = to_input(image, plan, contract)
        expected = np.asarray(Image.fromarray(image).resize((plan.width, plan.height), resampling))
        assert tensor.shape == (plan.padded_height, plan.padded_width, 3)
        np.testing.assert_array_equal(tensor[: plan.height, : plan.width], expected)
        assert (tensor[plan.height :] == (124, 116, 104)).all()
        assert (tensor[:, plan.width :] == (124, 116, 104)).all()


def test_an_array_and_a_pillow_picture_give_the_same_input():
    image = photo(50, 70)
    plan = plan_resize(50, 70, CONTRACT, 4000)
    np.testing.assert_array_equal(to_input(image, plan, CONTRACT), to_input(Image.fromarray(image), plan, CONTRACT))


@pytest.mark.parametrize(
    ("photo", "pixels"),
    [
        ((360, 480), 172_800),
        ((720, 960), 172_800),
        ((720, 1280), 230_400),
        ((1024, 2048), 393_216),
        ((96, 128), 172_800),
    ],
)
def test_large_photos_get_their_share_of_pixels_between_two_bounds(photo, pixels):
    contract = CONTRACT.model_copy(update={"pixel_budget": 172_800, "photo_share": 0.25, "most_pixels": 393_216})
    plan = plan_resize(*photo, contract, None)
    assert plan.height * plan.width == pytest.approx(pixels, rel=0.01)
    fixed = plan_resize(*photo, contract.with_budget(100_000), None)
    assert fixed.height * fixed.width == pytest.approx(100_000, rel=0.01)
