import contextlib
import struct

import pytest
from PIL import Image, ImageOps

from back.runtime.headers.base import ImageError
from back.runtime.headers.read import read_header
from back.runtime.imaging import UPRIGHT, decode_image
from tests.clock import least_seconds
from tests.heif_files import PHOTO, avif, box, clap, full, heic, imir, irot
from tests.photo_files import TURNED

HEIGHT, WIDTH = PHOTO.shape[:2]
GRID = {"tiles": [PHOTO] * 4, "grid": (2, 2), "size": (2 * WIDTH - 5, 2 * HEIGHT - 3)}


def refused(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_header(data)
    return caught.value


@pytest.mark.parametrize("make", [heic, avif])
def test_the_size_is_read_without_decoding(make) -> None:
    header = read_header(make())
    assert (header.width, header.height, header.orientation) == (WIDTH, HEIGHT, 1)


@pytest.mark.parametrize(
    "properties", [[irot(q), imir(a)] for q in range(4) for a in (0, 1)] + [[irot(3)], [imir(1)]]
)
def test_turns_of_the_file_are_those_of_the_standard(properties) -> None:
    """Turned anticlockwise by quarters, then mirrored: top to bottom by 0, left to right by 1."""
    upright = Image.fromarray(PHOTO)
    for kind, value in ((p[4:8], p[8]) for p in properties):
        if kind == b"irot":
            upright = upright.rotate(90 * value, expand=True)
        else:
            upright = (ImageOps.mirror if value else ImageOps.flip)(upright)
    header = read_header(heic(properties=properties))
    turn = UPRIGHT.get(header.orientation)
    stored = Image.fromarray(PHOTO)
    assert (stored if turn is None else stored.transpose(turn)).tobytes() == upright.tobytes()


def test_mirrored_before_it_is_turned() -> None:
    upright = ImageOps.mirror(Image.fromarray(PHOTO)).rotate(90, expand=True)
    turn = UPRIGHT[read_header(heic(properties=[imir(1), irot(1)])).orientation]
    assert Image.fromarray(PHOTO).transpose(turn).tobytes() == upright.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_of_avif_are_those_that_its_library_wrote(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation  # which Pillow writes as irot and imir
    assert read_header(avif(exif=exif)).orientation == orientation


def test_exif_in_the_file_turns_nothing_a_second_time() -> None:
    """Phones write the same turn in both; the standard has the properties count, and browsers follow it."""
    data = heic(properties=[irot(3)], before=box(b"free", b"Exif\0\0" + TURNED))
    assert read_header(data).orientation == 6


def test_a_crop_is_the_size() -> None:
    header = read_header(heic(properties=[clap(95, 1, 31, 1, -1, 2, -33, 2)]))
    assert (header.width, header.height) == (95, 31)


@pytest.mark.parametrize(
    "values", [(200, 1, 10, 1, 0, 1, 0, 1), (10, 0, 10, 1, 0, 1, 0, 1), (10, 1, 10, 1, 90, 1, 0, 1), (0,) * 8]
)
def test_a_crop_outside_of_the_picture_is_refused(values) -> None:
    assert "crop" in str(refused(heic(properties=[clap(*values)])))


def test_the_size_is_refused_before_any_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("back.runtime.heif_decoder.run_bounded", lambda *_, **__: pytest.fail("it was decoded"))
    for data in (heic(size=(40_000, 30_000)), heic(**GRID | {"size": (65_535, 200)})):
        with pytest.raises(ImageError, match="megapixels allowed") as caught:
            decode_image(data, 1_000_000)
        assert caught.value.status == 413


def test_a_file_that_was_cut_off_is_refused_wherever() -> None:
    for data in (heic(), heic(**GRID), avif()):
        for end in range(1, len(data), 37):
            error = refused(data[:end])
            assert error.status in (400, 415)
            assert error.status == 400 or end < 24  # before its brands are there it is of no known kind
        assert "zeros" in str(refused(data[:-40] + bytes(40)))


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (heic(before=box(b"moov")), 415, "animation"),
        (heic(kind=b"jpeg"), 415, "rare kind"),
        (heic(kind=b"\xff\n<>"), 415, "rare kind"),
        (heic(properties=[irot(1), irot(1)]), 415, "more than once"),
        (heic(**GRID | {"grid": (2, 3)}), 400, "tiles of it are missing"),
        (heic(data=[b""]), 400, "pixels are missing"),
        (box(b"ftyp", b"heic", bytes(4)) + box(b"free"), 400, "lists no picture"),
        (box(b"ftyp", b"heic", bytes(4)) + full(b"meta", 0), 400, "picture of it is missing"),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"moov"), 415, "not a JPEG, PNG, WEBP, HEIC or AVIF"),
        (heic(brand=b"heic")[:-1] + b"", 400, "cut off"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(data: bytes, status: int, words: str) -> None:
    error = refused(data)
    assert (error.status, words in str(error)) == (status, True), str(error)


MANY_PROPERTIES = full(b"ipma", 0, struct.pack(">I", 4000), b"\0\1\xff" + b"\1" * 10**6)
HEAD = box(b"ftyp", b"heic", bytes(4), b"heic")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HEAD + box(b"free") * 2_000_000, id="boxes"),
        pytest.param(HEAD + full(b"meta", 0, box(b"free") * 2_000_000), id="boxes in a box"),
        pytest.param(HEAD + full(b"meta", 0, full(b"iloc", 0, b"\x44\0\xff\xff", bytes(16_000_000))), id="places"),
        pytest.param(HEAD + full(b"meta", 0, box(b"iprp", MANY_PROPERTIES)), id="properties"),
        pytest.param(heic([PHOTO] * 300, grid=(15, 20), size=(20 * WIDTH, 15 * HEIGHT))[:-5000], id="tiles"),
    ],
)
def test_files_of_nothing_but_headers_are_refused_at_once(data: bytes) -> None:
    assert least_seconds(lambda: refused(data)) < 0.5


def test_any_damaged_byte_of_the_headers_is_read_or_refused() -> None:
    for data in (heic(**GRID), avif()):
        for place in range(min(len(data), 700)):
            broken = bytearray(data)
            broken[place] ^= 1 << place % 8
            with contextlib.suppress(ImageError):
                assert read_header(bytes(broken)).orientation in range(1, 9)


def test_pictures_that_share_their_pixels_are_refused() -> None:
    data = heic(**GRID)
    place = data.index(b"iloc") + 4 + 4 + 4
    first = data[place + 14 : place + 28]
    entry = struct.unpack(">HHHII", first)
    shared = struct.pack(">HHHII", *entry[:3], 0, len(data))
    assert "overlap" in str(refused(data[: place + 14] + shared + data[place + 28 :]))
