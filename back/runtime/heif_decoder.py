"""Decodes HEIC and AVIF photos in a process of its own, with bounded time and memory.

Their codecs are those of clips, large and intricate, and their errors are found in files that strangers make; a file
that brings one down ends that process and nothing else. HEVC is decoded by FFmpeg (PyAV), told to fail where a stream
breaks the standard, because other decoders fill up with grey; AV1 by Pillow. It costs the start of a process: see
docs/performance.md.
"""

import io
import tempfile
from pathlib import Path
from typing import Any, cast

from PIL import Image

from back.runtime.errors import UserError
from back.runtime.headers.base import ImageError, damaged
from back.runtime.headers.heif import Still, read_still
from back.runtime.process.bounded import TooMuchMemoryError, UnfinishedError, WorkFailedError, answer_one, run_bounded

# A photo of 12 megapixels takes half a second on one processor.
SECONDS = 20.0
# The process itself takes 90 MB. A pixel takes 4 bytes in Pillow, 3 as they leave the decoder and up to 6 of planes.
_STRIP_ROWS = 256
_BASE_BYTES, _BYTES_PER_PIXEL = 250_000_000, 20


def decode_heif(data: bytes) -> Image.Image:
    """The picture of a file that `read_heif` accepts: RGB, cropped, not yet turned.

    Raises:
        ImageError: 400, its pixels cannot be decoded, or take far too much time or memory.
        OSError: no process can be started, or no file written beside it.
    """
    still = read_still(data)
    left, top, right, bottom = still.crop
    width, height = right - left, bottom - top
    with tempfile.TemporaryDirectory(prefix="streetseg-heif-") as folder:
        source, target = Path(folder, "photo"), Path(folder, "pixels")
        source.write_bytes(data)
        try:
            run_bounded(
                __name__,
                {"source": str(source), "target": str(target)},
                seconds=SECONDS,
                memory_bytes=_BASE_BYTES + _BYTES_PER_PIXEL * still.width * still.height,
            )
            pixels = target.read_bytes()
        except (TooMuchMemoryError, UnfinishedError) as error:
            raise ImageError(
                "The image cannot be decoded: it fails, or takes far more time or memory than a photo of its size; "
                "save it as JPEG or PNG.",
                400,
            ) from error
        except (WorkFailedError, UserError) as error:
            raise damaged("its pixels cannot be decoded") from error
    if len(pixels) != 3 * width * height:
        raise damaged("its pixels are not all there")
    return Image.frombuffer("RGB", (width, height), pixels, "raw", "RGB", 0, 1)


def _work(request: dict[str, Any]) -> dict[str, Any]:
    data = Path(request["source"]).read_bytes()
    still = read_still(data)
    image = _decode_av1(data, still) if still.codec == "av1" else _decode_hevc(still)
    left, top, right, bottom = still.crop
    with open(request["target"], "wb") as file:
        for row in range(top, bottom, _STRIP_ROWS):  # whole, the pixels would be there four times
            file.write(image.crop((left, row, right, min(bottom, row + _STRIP_ROWS))).tobytes())
    return {}


def _decode_av1(data: bytes, still: Still) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=["AVIF"])
    if image.size != (still.width, still.height):
        raise damaged("it says two sizes")
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def _decode_hevc(still: Still) -> Image.Image:
    import av

    av.logging.set_level(None)
    canvas = Image.new("RGB", (still.width, still.height))
    rows = len(still.tiles) // still.columns
    size: tuple[int, int] | None = None
    for index, tile in enumerate(still.tiles):
        # A context a tile: made in less than a millisecond, and nothing of one tile is left for the next.
        decoder = av.CodecContext.create("hevc", "r")
        decoder.extradata = tile.config
        decoder.thread_count = 1
        # Tiles overlap the canvas' right and bottom edge, and blocks a tile's own.
        room = (still.width + 4096) * (still.height + 4096)
        decoder.options = {"err_detect": "explode", "max_pixels": str(room)}
        frames = [*decoder.decode(av.Packet(tile.data)), *decoder.decode(None)]
        if len(frames) != 1:
            raise damaged("its pixels are not all there")
        frame = frames[0]
        size = size or (frame.width, frame.height)
        if size != (frame.width, frame.height):
            raise damaged("its tiles are of several sizes")
        row, column = divmod(index, still.columns)
        canvas.paste(_rgb(frame, still.colours), (column * size[0], row * size[1]))
    assert size is not None
    if len(still.tiles) == 1:
        fits = size == (still.width, still.height)
    else:  # every tile is seen, and every pixel of the canvas lies on one
        fits = (still.columns - 1) * size[0] < still.width <= still.columns * size[0]
        fits = fits and (rows - 1) * size[1] < still.height <= rows * size[1]
    if not fits:
        raise damaged("it says two sizes")
    return canvas


def _rgb(frame: Any, colours: tuple[int, bool] | None) -> Image.Image:
    """A frame in RGB, by the file's own word on its colours, or else the stream's."""
    from av.video.reformatter import ColorRange, Colorspace

    if colours is None:
        return cast(Image.Image, frame.to_image())
    matrix = Colorspace.ITU709 if colours[0] == 1 else Colorspace.ITU601
    span = ColorRange.JPEG if colours[1] else ColorRange.MPEG
    return cast(
        Image.Image,
        frame.reformat(
            format="rgb24", src_colorspace=matrix, src_color_range=span, dst_color_range=ColorRange.JPEG
        ).to_image(),
    )


if __name__ == "__main__":
    answer_one(_work)
