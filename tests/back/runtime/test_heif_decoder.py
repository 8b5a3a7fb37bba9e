"""Pixels of HEIC and AVIF. Most tests decode in this process; one goes through a process of its own."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime import heif_decoder
from back.runtime.errors import UserError
from back.runtime.imaging import ImageError, decode_image
from back.runtime.process import bounded
from tests.heif_files import PHOTO, TILE, avif, clap, compressed, heic, irot

MILLION = 1_000_000


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode in this process, with errors told as the other end tells them."""

    def run(module: str, request: dict[str, str], **limits: object) -> dict[str, object]:
        try:
            return heif_decoder._work(json.loads(json.dumps(request)))
        except UserError as error:
            raise UserError(str(error)) from error
        except Exception as error:
            raise bounded.WorkFailedError(type(error).__name__, str(error)) from error

    monkeypatch.setattr(heif_decoder, "run_bounded", run)


def close_to(data: bytes, expected: np.ndarray) -> None:
    shown = decode_image(data, MILLION)
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 3


def test_both_formats_in_a_process_of_their_own() -> None:
    close_to(heic(properties=[irot(1)]), np.rot90(PHOTO))
    close_to(avif(), PHOTO)


@pytest.mark.usefixtures("here")
def test_tiles_are_put_together_row_by_row_and_cropped() -> None:
    whole = np.asarray(Image.fromarray(PHOTO).resize((2 * TILE - 6, 3 * TILE - 10)))
    padded = np.pad(whole, ((0, 10), (0, 6), (0, 0)), "edge")
    tiles = [padded[r : r + TILE, c : c + TILE].copy() for r in (0, 64, 128) for c in (0, 64)]
    size = (whole.shape[1], whole.shape[0])
    close_to(heic(tiles, grid=(3, 2), size=size), whole)
    close_to(heic(tiles, [clap(60, 1, 100, 1, 0, 1, 0, 1)], grid=(3, 2), size=size), whole[41:141, 31:91])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("size", [(95, 64), (97, 64), (960, 640), (8, 8)])
def test_a_size_that_the_pixels_do_not_have_is_refused(size: tuple[int, int]) -> None:
    for data in (heic(size=size), heic([PHOTO] * 4, grid=(2, 2), size=(size[0] * 3, size[1] * 3))):
        with pytest.raises(ImageError, match="damaged") as caught:
            decode_image(data, 10 * MILLION)
        assert caught.value.status == 400


@pytest.mark.usefixtures("here")
def test_a_stream_that_ends_early_is_never_half_a_photo() -> None:
    """The file says that this is all of it, as after a repair: a decoder that is not told to fail fills up."""
    _, coded = compressed(PHOTO)
    start = len(coded) // 2
    for kept in np.linspace(start, len(coded) * 0.9, 8, dtype=int):
        with pytest.raises(ImageError, match="damaged"):
            decode_image(heic(data=[coded[:kept]]), MILLION)


@pytest.mark.usefixtures("here")
def test_any_damage_to_the_pixels_is_a_photo_of_its_size_or_refused() -> None:
    """Neither format holds a checksum, so that most single bits go unseen, as in a JPEG."""
    random = np.random.default_rng(1)
    for data in (heic(), avif()):
        first = data.index(b"mdat") + 8
        for _ in range(60):
            broken = bytearray(data)
            broken[int(random.integers(first, len(data)))] ^= 1 << int(random.integers(8))
            with contextlib.suppress(ImageError):
                assert decode_image(bytes(broken), MILLION).shape == PHOTO.shape


def test_what_takes_too_long_or_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, value in (("SECONDS", 0.0), ("_BASE_BYTES", -(10**9))):
        with monkeypatch.context() as patch:
            patch.setattr(heif_decoder, limit, value)
            with pytest.raises(ImageError, match="far more time or memory") as caught:
                decode_image(heic(), MILLION)
            assert caught.value.status == 400


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    decode_image(avif(), MILLION)
    with pytest.raises(ImageError):
        decode_image(heic(size=(95, 64)), MILLION)
    assert not list(tmp_path.iterdir())
