"""The class ids of every frame in one file: a zip of PNG files, or a video without loss."""

import zipfile
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

from back.runtime.masks.png import encode_gray_png
from back.runtime.process.threads import available_cpus
from back.runtime.video.clip import Clip, Frame

UInt8Array = npt.NDArray[np.uint8]
ZIP, VIDEO = ".zip", ".mkv"


class ClassMaps(Protocol):
    """A file that takes one label map, uint8 [height, width], a frame."""

    def add(self, frame: Frame, labels_HW: UInt8Array) -> None: ...

    def close(self) -> None: ...


def class_maps(path: Path, clip: Clip, every: int) -> ClassMaps:
    """The writer that the file's ending asks for: `.zip` or `.mkv`."""
    return ClassMapZip(path) if path.suffix == ZIP else ClassMapVideo(path, clip, every)


class ClassMapZip:
    """8-bit grey PNG files of the ids, named after the frame's number in the clip: `000012.png`."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)  # PNG files do not become smaller

    def add(self, frame: Frame, labels_HW: UInt8Array) -> None:
        self._zip.writestr(f"{frame.index:06d}.png", encode_gray_png(labels_HW))

    def close(self) -> None:
        self._zip.close()


class ClassMapVideo:
    """FFV1 in Matroska, grey: each pixel's value is the id, exactly; with the clip's own times."""

    def __init__(self, path: Path, clip: Clip, every: int) -> None:
        self._clip = clip
        self._file = av.open(str(path), "w", format="matroska")
        self._stream = self._file.add_stream("ffv1", rate=clip.rate / every, options={"level": "3"})
        self._stream.width, self._stream.height, self._stream.pix_fmt = clip.width, clip.height, "gray"
        self._stream.time_base = self._stream.codec_context.time_base = clip.time_base
        self._stream.codec_context.thread_count = available_cpus()

    def add(self, frame: Frame, labels_HW: UInt8Array) -> None:
        video = av.VideoFrame.from_ndarray(np.ascontiguousarray(labels_HW), format="gray")
        video.pts, video.time_base = frame.pts, self._clip.time_base
        self._file.mux(self._stream.encode(video))

    def close(self) -> None:
        self._file.mux(self._stream.encode())
        self._file.close()
