"""Decode, resize and PNG by Pillow and by other image libraries, where they can be imported."""

import importlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.masks.colour import palette_of
from back.runtime.masks.png import encode_palette_png
from back.runtime.taxonomy import STREET8

UInt8Array = npt.NDArray[np.uint8]
Work = Callable[[], Any]
# Module -> package.
LIBRARIES = {"simplejpeg": "simplejpeg", "imagecodecs": "imagecodecs", "cv2": "opencv-python-headless"}
INPUT = 1024, 512
_BILINEAR = Image.Resampling.BILINEAR


def importable() -> dict[str, Any]:
    """The libraries that can be imported here, by module name; each works on one thread."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.import_module(name)
        except ImportError:
            continue
    if cv2 := found.get("cv2"):
        cv2.setNumThreads(1)
    return found


def decode_ways(data: bytes, libraries: Mapping[str, Any]) -> dict[str, Work]:
    """A JPEG to its pixels, uint8 [height, width, 3] RGB; by Pillow to a picture of its own kind."""
    ways: dict[str, Work] = {"Pillow": lambda: _pillow(data)}
    if simplejpeg := libraries.get("simplejpeg"):
        ways["simplejpeg"] = lambda: simplejpeg.decode_jpeg(data)
    if imagecodecs := libraries.get("imagecodecs"):
        ways["imagecodecs"] = lambda: imagecodecs.jpeg8_decode(data)
    if cv2 := libraries.get("cv2"):
        ways["OpenCV"] = lambda: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    return ways


def half_size_ways(data: bytes, libraries: Mapping[str, Any]) -> dict[str, Work]:
    """A JPEG to half its width and height by a smaller inverse DCT. imagecodecs offers none."""
    ways: dict[str, Work] = {"Pillow": lambda: _draft(data)}
    if simplejpeg := libraries.get("simplejpeg"):
        half = -(-Image.open(io.BytesIO(data)).height // 2)
        ways["simplejpeg"] = lambda: simplejpeg.decode_jpeg(data, min_factor=2, min_height=half)
    if cv2 := libraries.get("cv2"):
        ways["OpenCV"] = lambda: cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB
        )
    return ways


def _pillow(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def _draft(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.draft("RGB", (picture.width // 2, picture.height // 2))
    picture.load()
    return picture


def resize_ways(data: bytes, libraries: Mapping[str, Any]) -> dict[str, Work]:
    """Pixels to the network's input by the cards' filter: bilinear with its support scaled, which only Pillow has."""
    picture = _pillow(data)
    pixels_HWC = np.array(picture)
    ways: dict[str, Work] = {
        "Pillow": lambda: picture.resize(INPUT, _BILINEAR),
        "Pillow, from an array": lambda: Image.fromarray(pixels_HWC).resize(INPUT, _BILINEAR),
    }
    if cv2 := libraries.get("cv2"):
        ways["OpenCV, INTER_AREA"] = lambda: cv2.resize(pixels_HWC, INPUT, interpolation=cv2.INTER_AREA)
    return ways


def whole_ways(data: bytes, libraries: Mapping[str, Any]) -> dict[str, Work]:
    """The bytes of a JPEG to the network's input: what a request waits for."""
    ways: dict[str, Work] = {
        name if name == "Pillow" else f"{name}, then Pillow": lambda decode=decode: _resized(decode())
        for name, decode in decode_ways(data, libraries).items()
    }
    if cv2 := libraries.get("cv2"):
        decode = decode_ways(data, libraries)["OpenCV"]
        ways["OpenCV, INTER_AREA"] = lambda: cv2.resize(decode(), INPUT, interpolation=cv2.INTER_AREA)
    for name, half in half_size_ways(data, libraries).items():
        ways[f"{name} at half size, then Pillow"] = lambda half=half: _resized(half())
    return ways


def _resized(decoded: Image.Image | UInt8Array) -> Image.Image:
    picture = decoded if isinstance(decoded, Image.Image) else Image.fromarray(decoded)
    return picture.resize(INPUT, _BILINEAR)


def png_ways(labels_HW: UInt8Array, libraries: Mapping[str, Any]) -> dict[str, Work]:
    """Labels to a PNG: with a palette where the library writes one, else grey."""
    palette = palette_of(STREET8)

    def pillow() -> bytes:
        picture, buffer = Image.fromarray(labels_HW, "P"), io.BytesIO()
        picture.putpalette(palette.tobytes())
        picture.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    ways: dict[str, Work] = {
        "StreetSeg": lambda: encode_palette_png(labels_HW, palette),
        "Pillow": pillow,
    }
    if imagecodecs := libraries.get("imagecodecs"):
        ways["imagecodecs, grey"] = lambda: imagecodecs.png_encode(labels_HW, level=1)
        ways["imagecodecs spng, grey"] = lambda: imagecodecs.spng_encode(labels_HW, level=1)
    if cv2 := libraries.get("cv2"):
        settings = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
        ways["OpenCV, grey"] = lambda: cv2.imencode(".png", labels_HW, settings)[1].tobytes()
    return ways
