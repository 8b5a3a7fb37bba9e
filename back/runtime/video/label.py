"""A clip labelled from file to file: decoding, the network and encoding overlap, a few frames at a time.

One thread decodes; three prepare frames and run the network, so that neither of its two streams waits for a frame;
another makes labels of scores and writes. Each hands the next a bounded number of frames, so that memory does not
grow with the clip.
"""

import io
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from back.runtime.imaging import Photo, UInt8Array
from back.runtime.masks.colour import palette_of
from back.runtime.predictor import Predictor, Scores
from back.runtime.video.class_maps import ClassMaps, class_maps
from back.runtime.video.clip import Clip, Frame, open_clip
from back.runtime.video.limits import OWN_FILES, ClipError, ClipLimits
from back.runtime.video.overlay import OverlayWriter
from back.runtime.video.shares import SharesTable
from back.runtime.video.smoothing import Smoother, cells_of

_Inferred = tuple[Scores, UInt8Array | None]  # a frame's scores, and what smoothing needs of its picture
_INFERRING = 3
_AHEAD = 6  # frames between the decoder and the file
_SIDE = 640  # of a preview's longer side, pixels


@dataclass(frozen=True)
class ClipFiles:
    """What is written; None leaves it out. `classes` is a zip of PNG files or an `.mkv`, as its ending says.
    `growing` is the overlay as far as it has come, to be watched meanwhile; it is gone when the overlay is there.
    """

    overlay: Path | None = None
    classes: Path | None = None
    shares: Path | None = None
    growing: Path | None = None


@dataclass(frozen=True)
class ClipOptions:
    """How a clip is labelled.

    Attributes:
        every: take every Nth frame; the others are in none of the files.
        smooth: let a frame's scores be held by those before it, see `smoothing`.
        opacity: of the overlay's colours, 0..1.
    """

    every: int = 1
    smooth: bool = False
    opacity: float = 0.5


@dataclass(frozen=True)
class Progress:
    """How far it is.

    Attributes:
        frames: labelled and written so far.
        decoded: the number of the clip's frames that were passed, more than `frames` where some are left out.
        of: how many frames the clip's header claims; None where it does not say.
        preview: makes a JPEG of the newest overlay; None where no overlay is made.
    """

    frames: int
    decoded: int
    of: int | None
    preview: Callable[[], bytes] | None


@dataclass(frozen=True)
class ClipReport:
    """What became of a clip: `frames` labelled of `decoded`, and sentences on what of it could not be decoded."""

    frames: int
    decoded: int
    seconds: float
    height: int
    width: int
    notes: tuple[str, ...]


def label_clip(
    predictor: Predictor,
    path: Path,
    files: ClipFiles,
    options: ClipOptions = ClipOptions(),
    limits: ClipLimits = OWN_FILES,
    progress: Callable[[Progress], object] = lambda _: None,
) -> ClipReport:
    """Label every frame of a clip as a photo of the same pixels is labelled, and write the files.

    Args:
        predictor: the model.
        path: MP4, MOV, WEBM or MKV.
        files: written over where they are there; half written where this raises.
        progress: called after each frame, in another thread; ends the work by raising.

    Raises:
        ClipError: no clip that can be read, or larger than `limits`.
        ScoresError: the network answered with NaN or infinity.
        OSError: a file cannot be read or written.
    """
    with (
        _told_errors(),
        open_clip(path, limits) as clip,
        _written(clip, predictor, files, options, progress) as writing,
    ):
        network = predictor.steady(clip.height, clip.width)

        def infer(frame: Frame) -> _Inferred:
            image_HWC = clip.image(frame)
            scores_CHW = network.scores_of(Photo(image_HWC, clip.height, clip.width))
            return scores_CHW, cells_of(image_HWC, network.input) if options.smooth else None

        def wanted() -> Iterator[tuple[Frame | av.Packet, Future[_Inferred] | None]]:
            for item in clip.items():
                if not isinstance(item, Frame):
                    yield item, None
                    continue
                writing.decoded = item.index + 1
                if item.index % options.every == 0:
                    yield item, inferring.submit(infer, item)

        with ThreadPoolExecutor(_INFERRING, "infer") as inferring, ThreadPoolExecutor(1, "write") as writer:
            written: deque[tuple[bool, Future[None]]] = deque()
            ahead = 0
            try:
                for item, inferred in wanted():
                    written.append((inferred is not None, writer.submit(writing.add, item, inferred)))
                    ahead += inferred is not None
                    while ahead > _AHEAD:
                        is_frame, future = written.popleft()
                        future.result()
                        ahead -= is_frame
                for _, future in written:
                    future.result()
            except BaseException:
                inferring.shutdown(wait=False, cancel_futures=True)
                writer.shutdown(wait=False, cancel_futures=True)
                raise
    if writing.frames == 0:
        raise ClipError("No frame of the clip can be decoded; it is damaged.")
    return ClipReport(writing.frames, writing.decoded, writing.seconds, clip.height, clip.width, tuple(clip.notes))


@contextmanager
def _told_errors() -> Iterator[None]:
    """What the codecs refuse, as an error for people."""
    try:
        yield
    except FFmpegError as error:
        raise ClipError(f"The clip's labels cannot be written: {(error.strerror or str(error)).lower()}.") from error


class _Writing:
    """The thread that turns scores into labels and writes them."""

    def __init__(
        self,
        clip: Clip,
        predictor: Predictor,
        files: ClipFiles,
        options: ClipOptions,
        progress: Callable[[Progress], object],
    ) -> None:
        taxonomy = predictor.card.taxonomy
        self._clip, self._predictor, self._progress = clip, predictor, progress
        self._smoother = Smoother() if options.smooth else None
        self.overlay: OverlayWriter | None = None
        self.others: list[ClassMaps] = []
        self.frames = self.decoded = 0
        self.seconds = 0.0
        if files.shares is not None:
            self.others.append(SharesTable(files.shares, taxonomy))
        if files.classes is not None:
            self.others.append(class_maps(files.classes, clip, options.every))
        if files.overlay is not None:
            self.overlay = OverlayWriter(
                files.overlay, clip, palette_of(taxonomy), options.opacity, options.every, files.growing
            )

    def add(self, item: Frame | av.Packet, inferred: Future[_Inferred] | None) -> None:
        if not isinstance(item, Frame):
            if self.overlay is not None:
                self.overlay.add_sound(item)
            return
        assert inferred is not None
        scores_CHW, cells_HW3 = inferred.result()
        if self._smoother is not None and cells_HW3 is not None:
            scores_CHW = self._smoother.smooth(scores_CHW, cells_HW3)
        labels_HW = self._predictor.labels_of(scores_CHW, self._clip.height, self._clip.width)
        for file in self.others:
            file.add(item, labels_HW)
        shown = None if self.overlay is None else self.overlay.add(item, labels_HW)
        self.frames += 1
        self.seconds = item.seconds
        preview = None if shown is None else lambda: _jpeg(shown)
        self._progress(Progress(self.frames, item.index + 1, self._clip.frames, preview))


@contextmanager
def _written(
    clip: Clip,
    predictor: Predictor,
    files: ClipFiles,
    options: ClipOptions,
    progress: Callable[[Progress], object],
) -> Iterator[_Writing]:
    """The files, opened, and closed at the end: whole where all went well."""
    writing = _Writing(clip, predictor, files, options, progress)
    try:
        yield writing
    except BaseException:
        if writing.overlay is not None:
            writing.overlay.abandon()
        raise
    else:
        if writing.overlay is not None:
            writing.overlay.close()
    finally:
        for file in writing.others:
            file.close()


def _jpeg(frame: av.VideoFrame) -> bytes:
    """A frame as a small JPEG."""
    scale = min(1.0, _SIDE / max(frame.width, frame.height))
    size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    small = frame.reformat(*size, format="rgb24", threads=1).to_ndarray()
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(small)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
