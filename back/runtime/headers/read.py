"""Which format a photo's file is of, and its header."""

from back.runtime.headers import jpeg, png
from back.runtime.headers.base import FORMATS_SENTENCE, Header, ImageError
from back.runtime.headers.heif import is_heif, read_heif
from back.runtime.headers.webp import read_webp


def read_header(data: bytes) -> Header:
    """Look at the start of a JPEG, PNG, WebP, HEIC or AVIF file; in milliseconds, whatever it holds.

    Raises:
        ImageError: 400, empty or damaged; 415, another format, an animation or a rare kind of one of these.
    """
    if not data:
        raise ImageError(f"The image is empty; send the bytes of a {FORMATS_SENTENCE} file.", 400)
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.read_jpeg(data)
    if data.startswith(png.SIGNATURE):
        return png.read_png(data)
    if data[:4] + data[8:12] == b"RIFFWEBP":
        return read_webp(data)
    if is_heif(data):
        return read_heif(data)
    raise ImageError(f"This is not a {FORMATS_SENTENCE} image; convert it to one of them.", 415)
