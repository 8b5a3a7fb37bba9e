"""Which format a photo's file is of, and its header."""

from back.runtime.headers import jpeg, png
from back.runtime.headers.base import Header, ImageError
from back.runtime.headers.webp import read_webp


def read_header(data: bytes) -> Header:
    """Look at the start of a JPEG, PNG or WebP file; in milliseconds, whatever it holds.

    Raises:
        ImageError: 400, empty or damaged; 415, another format, an animated PNG or a rare kind of JPEG or PNG.
    """
    if not data:
        raise ImageError("The image is empty; send the bytes of a JPEG, PNG or WEBP file.", 400)
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.read_jpeg(data)
    if data.startswith(png.SIGNATURE):
        return png.read_png(data)
    if data[:4] + data[8:12] == b"RIFFWEBP":
        return read_webp(data)
    raise ImageError("This is not a JPEG, PNG or WEBP image; convert it to one of them.", 415)
