import pytest

from back.runtime.headers.exif import orientation_of
from tests.photo_files import EXIF, EXIF_DIRECTORY, LONG, TURNED, tiff


@pytest.mark.parametrize("name", EXIF)
def test_orientation_is_the_one_that_chromium_shows(name: str) -> None:
    block, orientation = EXIF[name]
    assert orientation_of(block) == orientation


@pytest.mark.parametrize("length", range(len(TURNED)))
def test_a_block_cut_off_anywhere_gives_an_orientation(length: int) -> None:
    assert orientation_of(TURNED[:length]) == (6 if length >= 22 else 1)


def test_a_directory_that_points_to_itself_ends() -> None:
    assert orientation_of(tiff([(EXIF_DIRECTORY, LONG, 1, b"\x08\0\0\0")] * 3)) == 1
