"""A label's file is read like a photo's: whole or refused, whatever stands beside its pixels, turned as it says."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from back.runtime.labels.read import LabelFileError, read_label, values_by_source
from tests.photo_files import END, TURNED, chunk, ihdr, orientation_entry, png, rows, tiff
from tests.pngs import png as plain_png

LABEL = (np.arange(12 * 16) // 24 % 8).astype(np.uint8).reshape(12, 16)
LABEL[0, 0], LABEL[-1] = 255, 0  # the last row is black, as where rows are missing
HEAD, STREAM = ihdr(8, 0, 0, *LABEL.shape), zlib.compress(rows(LABEL))
DATA = chunk(b"IDAT", STREAM)
HALF = zlib.compress(rows(LABEL)[: 6 * 17])
FRAME = struct.pack(">IIIIIHHBB", 0, 16, 12, 0, 0, 1, 10, 0, 0)


def frames(number: int) -> bytes:
    return chunk(b"acTL", struct.pack(">II", number, 0)) + chunk(b"fcTL", FRAME)


READ = {
    "2 MB of text": png(HEAD, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2 << 20))), DATA, END),
    "3 MB of profile": png(HEAD, chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(3 << 20))), DATA, END),
    "text with a wrong checksum": png(HEAD, chunk(b"tEXt", b"a\0b", 0), DATA, END),
    "short gamma": png(HEAD, chunk(b"gAMA", b"1"), DATA, END),
    "pixels with a wrong checksum": png(HEAD, chunk(b"IDAT", STREAM, 0), END),
    "no end": png(HEAD, DATA),
    "HTML behind the end": png(HEAD, DATA, END) + b"<html>",
    "an animation of one picture": png(HEAD, frames(1), DATA, END),
    "black is transparent": png(HEAD, chunk(b"tRNS", bytes(2)), DATA, END),
}
REFUSED = {
    "half of the rows": (png(HEAD, chunk(b"IDAT", HALF), END), "damaged", "its pixel data end too soon"),
    "half of the rows, no end": (png(HEAD, chunk(b"IDAT", HALF)), "damaged", "its pixel data end too soon"),
    "a byte flipped": (
        png(HEAD, chunk(b"IDAT", STREAM[:9] + bytes([STREAM[9] ^ 1]) + STREAM[10:], 0), END),
        "damaged",
        "its pixel data do not fit their checksum",
    ),
    "no palette": (png(ihdr(8, 3, 0, *LABEL.shape), DATA, END), "damaged", "its palette is missing"),
    "header of 3 bits": (png(ihdr(3, 0, 0, *LABEL.shape), DATA, END), "damaged", "its header makes no sense"),
    "an animation": (png(HEAD, frames(2), DATA, END), "format", "an animation"),
}


@pytest.mark.parametrize("name", READ)
def test_what_stands_beside_the_pixels_changes_no_id(name: str) -> None:
    np.testing.assert_array_equal(read_label(READ[name], "street8"), LABEL)


@pytest.mark.parametrize("name", REFUSED)
def test_a_label_that_is_not_whole_is_refused_with_the_reason(name: str) -> None:
    data, kind, says = REFUSED[name]
    with pytest.raises(LabelFileError, match=rf"^a\.png: not a readable label file\. .*{says}") as caught:
        read_label(data, "street8", "a.png")
    assert caught.value.kind == kind
    with pytest.raises(LabelFileError):
        values_by_source(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("depth", [8, 16])
def test_a_label_with_an_orientation_is_turned_as_its_photo_is(orientation: int, depth: int) -> None:
    data = plain_png(LABEL.astype(int), depth=depth)
    turned = data[:33] + chunk(b"eXIf", tiff([orientation_entry(orientation)])) + data[33:]
    sizes: list[tuple[int, int]] = []
    read = read_label(turned, "street8", check_size=lambda *size: sizes.append(size))
    eight_bits = plain_png(LABEL)
    with Image.open(
        io.BytesIO(eight_bits[:33] + turned[33 : len(turned) - len(data) + 33] + eight_bits[33:])
    ) as image:
        np.testing.assert_array_equal(read, np.asarray(ImageOps.exif_transpose(image)))
    assert sizes == [read.shape[::-1]]


def test_an_orientation_behind_the_pixels_counts_for_nothing() -> None:
    np.testing.assert_array_equal(read_label(png(HEAD, DATA, chunk(b"eXIf", TURNED), END), "street8"), LABEL)
