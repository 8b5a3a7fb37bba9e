"""A picture is decoded for training and evaluation as the API decodes it."""

from pathlib import Path

import numpy as np
import pytest

from back.runtime.imaging import decode_image
from modelisation.data.base import DatasetError, read_rgb
from tests.photo_files import BROKEN_PNGS, EXIF, PNGS, exif_segment, jpeg

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
# What Chromium shows upright; it turns no WebP, and an orientation that is text, two values, 32 bits or in XMP counts
# for nothing.
SHOWN = [
    ("good.png", True),
    ("grey16.png", True),
    ("cmyk.jpg", True),
    ("png_orientation6.png", False),
    ("jpeg_orientation6.jpg", False),
    ("webp_orientation6.webp", True),
    ("jpeg_xmp_orientation6.jpg", True),
    ("exif_orientation_*.jpg", True),
    ("exif_[!o]*.jpg", False),
]


def test_pictures_are_decoded_as_the_api_decodes_them(tmp_path):
    """Sixteen bits, transparency, CMYK and malformed EXIF data: once each way in training and in serving."""
    files = {f"{i}.png": data for i, (data, _) in enumerate(PNGS.values())}
    files |= {f"{i}.jpg": jpeg(exif_segment(block)) for i, (block, _) in enumerate(EXIF.values())}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        np.testing.assert_array_equal(read_rgb(tmp_path / name), decode_image(data, 10**6))


@pytest.mark.parametrize("name", BROKEN_PNGS)
def test_a_damaged_picture_is_refused_by_name_with_the_reason(tmp_path, name):
    path = tmp_path / "street.png"
    path.write_bytes(BROKEN_PNGS[name])
    with pytest.raises(DatasetError, match=r"street\.png: not a readable picture\. The image .* \(.*\)"):
        read_rgb(path)


@pytest.mark.skipif(not CASES.is_dir(), reason="the small cases are not beside the project (../shared/cases)")
@pytest.mark.parametrize(("pattern", "upright"), SHOWN)
def test_the_cases_are_read_as_chromium_shows_them(pattern, upright):
    paths = sorted(CASES.glob(pattern))
    assert paths
    for path in paths:
        assert read_rgb(path).shape == ((144, 192, 3) if upright else (192, 144, 3)), path.name


@pytest.mark.skipif(not CASES.is_dir(), reason="the small cases are not beside the project (../shared/cases)")
def test_damaged_side_chunks_change_no_pixel():
    good = read_rgb(CASES / "good.png")
    for path in sorted(CASES.glob("png_*.png")):
        if path.name == "png_garbage_between_idats.png":
            with pytest.raises(DatasetError, match=path.name):
                read_rgb(path)
        elif path.name != "png_orientation6.png":
            np.testing.assert_array_equal(read_rgb(path), good)
