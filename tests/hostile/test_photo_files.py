"""Photo files that are damaged or written to cost time: refused at once, with a sentence, and never half a mask."""

import io
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from back.main import create_app
from tests.api import PHOTO, Store, serving
from tests.heif_files import avif, box, heic
from tests.hostile.figures import answered
from tests.photo_files import (
    BROKEN_PNGS,
    DATA,
    END,
    EXIF,
    PNGS,
    chunk,
    exif_segment,
    ihdr,
    jpeg,
    plain_jpeg,
    png,
    segment,
    tiff,
)

# As large as the API lets a request be.
MEGABYTES = 31


def _many(piece: bytes) -> bytes:
    return piece * (MEGABYTES * 1_000_000 // len(piece))


def post(api: TestClient, data: bytes, path: str = "/predict") -> tuple[int, str]:
    start = time.perf_counter()
    response = api.post(path, files={"image": ("photo", data)})
    answered(
        "photo files that are damaged or of nothing but headers", response.status_code, time.perf_counter() - start
    )
    if response.status_code == 200:
        return 200, ""
    assert response.headers["content-type"] == "application/problem+json"
    detail = response.json()["detail"]
    assert detail.endswith(".")
    assert "Traceback" not in detail
    return response.status_code, detail


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b"\xff\xd8" + _many(b"\xff") + plain_jpeg()[2:], id="fill bytes"),
        pytest.param(lambda: jpeg(_many(segment(0xEF))), id="application segments"),
        pytest.param(lambda: jpeg(_many(segment(0xE2, b"MPF\0" + tiff([])))), id="lists of pictures"),
        pytest.param(lambda: jpeg(_many(segment(0xDB, (b"\0" + bytes(range(1, 65))) * 1000))), id="JPEG tables"),
        pytest.param(lambda: jpeg(_many(segment(0xFE, b"c"))), id="comments"),
        pytest.param(lambda: png(ihdr(), _many(chunk(b"tEXt")), DATA, END), id="empty texts"),
        pytest.param(lambda: png(ihdr(), _many(chunk(b"prIv")), DATA, END), id="private chunks"),
        pytest.param(lambda: png(ihdr(), _many(chunk(b"IDAT")), DATA, END), id="empty pixel data"),
        pytest.param(lambda: png(ihdr(), _many(chunk(b"fcTL", bytes(26))), DATA, END), id="frames"),
    ],
)
def test_files_of_nothing_but_headers_are_refused_within_a_second(api: TestClient, make: Callable[[], bytes]) -> None:
    data = make()
    assert 30e6 < len(data) < 32e6
    start = time.process_time()
    status, _ = post(api, data)
    assert status == 400
    # Of all threads together, sending the file and reading it from the form among it.
    assert time.process_time() - start < 1.5


def test_a_photo_answers_while_files_of_nothing_but_headers_come(api: TestClient) -> None:
    """Four at once took 224 s, and a photo beside them ran into its time-out."""
    from concurrent.futures import ThreadPoolExecutor

    hostile = jpeg(_many(segment(0xEF)))
    with ThreadPoolExecutor(5) as senders:
        answers = [senders.submit(post, api, hostile) for _ in range(4)]
        start = time.perf_counter()
        assert senders.submit(post, api, PHOTO).result()[0] == 200
        assert time.perf_counter() - start < 10
        assert {answer.result()[0] for answer in answers} == {400}


def test_a_damaged_png_never_gets_a_mask(api: TestClient) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    data, random = buffer.getvalue(), np.random.default_rng(5)
    assert post(api, data)[0] == 200
    first = data.index(b"IDAT") + 4
    for _ in range(100):
        damaged = bytearray(data)
        damaged[int(random.integers(first, len(data) - 16))] ^= 1 << int(random.integers(8))
        status, detail = post(api, bytes(damaged))
        assert status == 400
        assert "damaged" in detail


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_a_jpeg_that_was_cut_off_never_gets_a_mask(api: TestClient, options: dict[str, object]) -> None:
    """Closed with an end-of-image marker, too, as programs do that repair files: what is missing would be grey."""
    noise = np.random.default_rng(4).integers(0, 256, (96, 160, 3), dtype=np.uint8)
    data = plain_jpeg(noise, **options)
    assert post(api, data)[0] == 200
    for end in np.linspace(data.index(b"\xff\xda") + 14, len(data) - 400, 10, dtype=int):
        for closed in (b"\xff\xd9", b"", bytes(1000)):
            status, detail = post(api, data[:end].rstrip(b"\xff") + closed)
            assert status == 400
            assert "damaged or cut off" in detail


@pytest.mark.parametrize("path", ["/predict", "/compare"])
def test_broken_pngs_are_refused_with_the_reason(api: TestClient, path: str) -> None:
    for data in BROKEN_PNGS.values():
        status, detail = post(api, data, path)
        assert status in (400, 415)
        assert detail.count("(") == 1  # the reason


def test_pngs_that_browsers_show_get_a_mask(api: TestClient) -> None:
    for name, (data, orientation) in PNGS.items():
        response = api.post("/predict", files={"image": data})
        assert response.status_code == 200, name
        assert Image.open(io.BytesIO(response.content)).size == ((24, 16) if orientation == 1 else (16, 24)), name


def test_exif_data_whatever_they_hold_get_a_mask_turned_as_in_browsers(api: TestClient) -> None:
    for name, (block, orientation) in EXIF.items():
        response = api.post("/predict", files={"image": jpeg(exif_segment(block))})
        assert response.status_code == 200, name
        assert Image.open(io.BytesIO(response.content)).size == ((24, 16) if orientation < 5 else (16, 24)), name


def test_a_progressive_jpeg_of_thousands_of_passes_is_refused(api: TestClient) -> None:
    data = plain_jpeg(np.zeros((2000, 2000, 3), np.uint8), progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert post(api, data[:-2] + last * 5000 + b"\xff\xd9") == (
        400,
        "The image file is damaged or cut off (it is stored in more than 100 passes); save or upload it again.",
    )


@pytest.mark.parametrize("data", [heic(), avif()], ids=["HEIC", "AVIF"])
def test_a_heic_or_avif_that_was_cut_off_or_changed_never_brings_down_the_api(api: TestClient, data: bytes) -> None:
    assert post(api, data)[0] == 200
    for end in np.linspace(30, len(data) - 1, 40, dtype=int):
        status, detail = post(api, data[:end])
        assert (status, "damaged or cut off" in detail) == (400, True)
    random = np.random.default_rng(6)
    for _ in range(4):  # each starts a process
        damaged = bytearray(data)
        for _ in range(8):
            damaged[int(random.integers(8, len(data)))] ^= 1 << int(random.integers(8))
        assert post(api, bytes(damaged))[0] in (200, 400, 413, 415)


@pytest.mark.parametrize("size", [(95, 64), (6000, 6000)])
def test_a_heic_that_says_another_size_is_refused(api: TestClient, size: tuple[int, int]) -> None:
    status, detail = post(api, heic(size=size))
    assert (status, "damaged" in detail) == (400, True)


def test_a_heic_or_avif_of_any_size_is_refused_by_its_header(api: TestClient) -> None:
    assert post(api, heic(size=(1 << 31, 1 << 31)))[0] == 413
    assert post(api, heic(before=box(b"moov")))[0] == 415


def test_the_upright_photo_is_a_jpeg_of_its_size(api: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    response = api.post("/upright", files={"image": avif(exif=exif)})
    shown = Image.open(io.BytesIO(response.content))
    assert (shown.format, shown.size) == ("JPEG", (64, 96))
    assert post(api, b"no photo", "/upright")[0] == 415


def test_a_webp_of_the_largest_size_is_refused_by_its_header(store: Store) -> None:
    store.add()
    body = b"WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0"
    with serving(create_app(store.settings())) as client:
        status, detail = post(client, b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert status == 413
    assert "16384 x 16384" in detail


_PEAK = """
import resource, sys, zlib
from back.runtime.imaging import decode_image
from tests.photo_files import END, chunk, ihdr, png
depth, side = int(sys.argv[1]), 5000
packer = zlib.compressobj(1)
stream = b"".join(packer.compress(bytes(1 + side * depth // 8)) for _ in range(side)) + packer.flush()
decode_image(png(ihdr(depth, 0, 0, side, side), chunk(b"IDAT", stream), END), side * side)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_sixteen_bits_cost_no_more_memory_than_eight() -> None:
    """Measured in processes of their own: 25 megapixels of grey took 450 MB more."""
    eight, sixteen = (
        int(subprocess.run([sys.executable, "-c", _PEAK, depth], capture_output=True, text=True, check=True).stdout)
        for depth in ("8", "16")
    )
    assert sixteen < eight + 15_000  # kilobytes
