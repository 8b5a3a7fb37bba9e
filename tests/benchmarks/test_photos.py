"""All rows get the same photos and the same network input."""

import io

import pytest
from PIL import Image

from tests.benchmarks.photos import Case, make_cases
from tests.bundles import make_bundle


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> list[Case]:
    return make_cases(tmp_path_factory.mktemp("empty") / "no-camvid")


def test_photos_are_what_their_names_say_without_camvid_too(cases):
    assert [case.name for case in cases] == ["2048x1024 JPEG", "1024x512 JPEG", "4000x3000 JPEG", "480x360 PNG"]
    for case in cases:
        with Image.open(io.BytesIO(case.data)) as photo:
            assert f"{photo.width}x{photo.height} {photo.format}" == case.name
            assert (photo.height, photo.width) == (case.height, case.width)


def test_the_headline_photo_becomes_1024x512(cases, tmp_path):
    from back.runtime.card import read_card

    contract = read_card(make_bundle(tmp_path, pixel_budget=480 * 360)).input
    assert [case.network_input(contract) for case in cases] == [(512, 1024), (512, 1024), (640, 864), (384, 480)]
