"""A JPEG whose pixels are all there is decoded as Pillow does; one whose pixels run out is refused."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from back.runtime.imaging import ImageError, decode_image, open_photo

MILLION = 10**6
END = b"\xff\xd9"
_NOISE = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
# No side is a multiple of a block's.
PICTURE = Image.fromarray(_NOISE).resize((75, 101), Image.Resampling.BICUBIC)


def encoded(mode: str = "RGB", picture: Image.Image = PICTURE, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.convert(mode).save(buffer, "JPEG", **{"quality": 90, **options})
    return buffer.getvalue()


JPEGS = {
    **{f"subsampled by {kind}": encoded(subsampling=kind) for kind in ("4:4:4", "4:2:2", "4:2:0")},
    "grey": encoded("L"),
    "CMYK": encoded("CMYK"),
    "colours that are not converted": encoded(keep_rgb=True),
    "codes of its own": encoded(optimize=True),
    "restart markers after each block": encoded(restart_marker_blocks=1),
    "restart markers after each row": encoded(restart_marker_rows=1),
    "progressive": encoded(progressive=True),
    "progressive, grey": encoded("L", progressive=True),
    "progressive, whole colours": encoded(progressive=True, subsampling="4:4:4", quality=100),
    "progressive, restart markers": encoded(progressive=True, restart_marker_rows=1),
    # Made with libjpeg's `scan_info`; Pillow writes none.
    "a scan for each colour": base64.b64decode(
        "/9j/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoI"
        "ChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCj/wAARCAAQABgDASIAAhEBAxEB/8QA"
        "FwAAAwEAAAAAAAAAAAAAAAAAAgMFBv/EACcQAAIBAgQGAgMAAAAAAAAAAAECEQMEABIhMQUTFEFRkQYiM2Fi/9oACAEBAAA/AM3YWfUAaA7Y"
        "urwG3o2/Ou2SjT8tpJiYHkwDoMFSseGOai29pcXDAfVggVWMbSTI9e8D8ZSjRsnubj8dNMx2k/oT3OgGH1H5o63iGdy7N09sWmP5XsABEtHs"
        "nV1Q1HbJVd5fMq2Vu4EArtUI7HTed9BE4//EABQBAQAAAAAAAAAAAAAAAAAAAAD/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAECEQA/AA//"
        "xAAUAQEAAAAAAAAAAAAAAAAAAAAA/8QAFREBAQAAAAAAAAAAAAAAAAAAABH/2gAIAQMRAD8AFf/Z"
    ),
}


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("behind", [b"", bytes(500), JPEGS["grey"]], ids=["", "zeros", "another"])
def test_a_whole_picture_is_decoded_as_pillow_does(name: str, behind: bytes) -> None:
    expected = np.asarray(Image.open(io.BytesIO(JPEGS[name])).convert("RGB"))
    np.testing.assert_array_equal(decode_image(JPEGS[name] + behind, MILLION), expected)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (16, 16), (17, 33), (640, 2)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 5}], ids=str)
def test_no_size_is_refused(size: tuple[int, int], options: dict[str, object]) -> None:
    for mode in ("RGB", "L"):
        for colour in (PICTURE.resize(size), Image.new("RGB", size, "white")):
            assert decode_image(encoded(mode, colour, **options), MILLION).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("name", JPEGS)
def test_a_picture_cut_off_is_refused_whatever_is_put_at_its_end(name: str) -> None:
    data = JPEGS[name]
    first, last = data.index(b"\xff\xda") + 14, data.rindex(b"\xff\xda") + 10
    ends = {*np.linspace(first, len(data) - 30, 9, dtype=int), *np.linspace(last, len(data) - 30, 4, dtype=int)}
    for end in ends if name != "a scan for each colour" else [first + 20, first + 60]:
        for closed in (END, END + bytes(500), END + data, b"", bytes(500)):
            with pytest.raises(ImageError, match=r"damaged or cut off"):
                decode_image(data[:end].rstrip(b"\xff") + closed, MILLION)


@pytest.mark.parametrize("name", ["subsampled by 4:2:0", "progressive"])
def test_a_picture_cut_off_is_refused_where_it_is_decoded_smaller(name: str) -> None:
    data = JPEGS[name]
    assert open_photo(data, MILLION, lambda height, width: (height // 8, width // 8)).image.size == (10, 13)
    with pytest.raises(ImageError, match="pixels are missing"):
        open_photo(data[:-60] + END, MILLION, lambda height, width: (height // 8, width // 8))


def test_a_progressive_jpeg_without_its_last_passes_is_refused() -> None:
    """Each pass that is there is whole, and the picture only lacks detail."""
    data = JPEGS["progressive"]
    scan = data.index(b"\xff\xda")
    ends = 0
    while (scan := data.find(b"\xff\xda", scan + 1)) > 0:
        ends += 1
        with pytest.raises(ImageError, match="it ends before"):
            decode_image(data[:scan] + END, MILLION)
    assert ends == 9


@pytest.mark.parametrize("name", ["subsampled by 4:2:0", "restart markers after each row", "grey", "progressive"])
def test_a_piece_lost_in_the_middle_is_refused_where_pixels_or_restart_markers_run_out(name: str) -> None:
    data = JPEGS[name]
    last_scan = data.rindex(b"\xff\xda") + 14
    quarter = (len(data) - last_scan) // 4
    with pytest.raises(ImageError, match="pixels are missing"):
        decode_image(data[: last_scan + quarter] + data[last_scan + 2 * quarter :], MILLION)


@pytest.mark.parametrize("frame", [0xC3, 0xC9, 0xCA])
def test_what_no_browser_shows_is_refused_by_its_kind(frame: int) -> None:
    """Lossless JPEGs and those of arithmetic coding, of which it is not to be seen whether they are whole."""
    with pytest.raises(ImageError, match="rare kind") as error:
        decode_image(encoded().replace(b"\xff\xc0", bytes((0xFF, frame)), 1), MILLION)
    assert error.value.status == 415
