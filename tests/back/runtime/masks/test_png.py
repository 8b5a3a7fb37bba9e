import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from back.runtime.masks.deflate import deflate_labels
from back.runtime.masks.png import encode_gray_png, encode_palette_png, encode_rgb_png

PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)


def label_maps(rng, height, width, classes, block):
    """Blocks of equal labels; block 1 is noise."""
    small = rng.integers(0, classes, (-(-height // block), -(-width // block)), dtype=np.uint8)
    return np.ascontiguousarray(small.repeat(block, 0).repeat(block, 1)[:height, :width])


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


any_label_map = st.builds(
    lambda seed, height, width, classes, block: label_maps(
        np.random.default_rng(seed), height, width, classes, block
    ),
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 700),
    st.integers(1, 256),
    st.sampled_from([1, 2, 3, 7, 40, 300]),
)


@settings(max_examples=100, deadline=None)
@given(any_label_map)
def test_palette_png_opens_as_the_same_ids_and_colours(labels):
    palette = PALETTE[: int(labels.max()) + 1]
    image = opened(encode_palette_png(labels, palette))
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), labels)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), palette[labels])


@settings(max_examples=100, deadline=None)
@given(any_label_map)
def test_gray_png_opens_as_the_same_ids(labels):
    image = opened(encode_gray_png(labels))
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), labels)


@settings(max_examples=100, deadline=None)
@given(any_label_map)
def test_stream_unpacks_to_the_up_filtered_rows(labels):
    # zlib checks the stream's own checksum, which a picture viewer may skip.
    rows = np.full((labels.shape[0], labels.shape[1] + 1), 2, np.uint8)
    rows[0, 1:] = labels[0]
    rows[1:, 1:] = labels[1:] - labels[:-1]
    assert zlib.decompress(deflate_labels(labels)) == rows.tobytes()


@pytest.mark.parametrize("length", [*range(1, 40), *range(250, 300), 512, 515, 516, 517, 518, 519, 774, 5000])
def test_every_run_length_survives(length):
    labels = np.concatenate([np.full(length, 200, np.uint8), np.full(length + 1, 3, np.uint8)])[None]
    np.testing.assert_array_equal(np.asarray(opened(encode_gray_png(labels))), labels)


def test_rows_wide_enough_to_overflow_the_checksum_survive():
    labels = np.full((3, 400_000), 255, np.uint8)
    labels[1] = 0
    np.testing.assert_array_equal(np.asarray(opened(encode_gray_png(labels))), labels)


def test_a_view_with_gaps_between_rows_is_taken():
    rows = label_maps(np.random.default_rng(5), 30, 41, 8, 4)
    np.testing.assert_array_equal(np.asarray(opened(encode_gray_png(rows[:, 1:]))), rows[:, 1:])


def test_a_street_sized_mask_is_small():
    labels = label_maps(np.random.default_rng(6), 1024, 2048, 8, 128)
    assert len(encode_palette_png(labels, PALETTE[:8])) < 25_000


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 41), st.integers(0, 99))
def test_a_picture_in_strips_opens_as_the_picture(height, width, rows, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = opened(encode_rgb_png(height, width, (picture[top : top + rows] for top in range(0, height, rows))))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), picture)


@pytest.mark.parametrize("strip", [(3, 8, 3), (4, 7, 3)], ids=["a row missing", "another width"])
def test_strips_that_are_not_the_picture_are_refused(strip):
    with pytest.raises(ValueError, match=r"picture|dimension"):
        encode_rgb_png(4, 8, [np.zeros(strip, np.uint8)])
