"""What is done with a clip in a process of its own, so that a hostile one ends that and nothing else."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.runtime.process.bounded import answer_one
from back.runtime.process.progress import ProgressFile, replace_whole
from back.runtime.video.clip import open_clip
from back.runtime.video.limits import GROWING_FILE, PREVIEW_FILE, ClipError, ClipLimits

if TYPE_CHECKING:
    from back.runtime.video.label import Progress

_PREVIEW_S = 2.0
_NICE = 5  # photos come first


def work(request: dict[str, Any]) -> dict[str, Any]:
    """`probe`: what a clip is. `label`: label it.

    Args:
        request: `clip` and `limits` (bytes, pixels, seconds); to label also `bundle`, `engine` (options for
            `Predictor.load`), `files` (by the fields of `ClipFiles`), `options` (of `ClipOptions`) and `folder`,
            where progress.json, preview.jpg and growing.mp4 are kept up to date.

    Returns:
        What is told of the clip; for one that is refused `refused`, a sentence, and `status`.
    """
    clip, limits = Path(request["clip"]), ClipLimits(**request["limits"])
    try:
        return _label(request, clip, limits) if request["action"] == "label" else _probe(clip, limits)
    except ClipError as error:
        return {"refused": str(error), "status": error.status}


def _probe(path: Path, limits: ClipLimits) -> dict[str, Any]:
    with open_clip(path, limits) as clip:
        return {"width": clip.width, "height": clip.height, "seconds": clip.seconds, "frames": clip.frames,
                "codec": clip.codec, "sound": clip.sound is not None}  # fmt: skip


def _label(request: dict[str, Any], clip: Path, limits: ClipLimits) -> dict[str, Any]:
    # Here alone: who only looks at a clip need not wait for the engine.
    from back.runtime.predictor import Predictor
    from back.runtime.video.label import ClipFiles, ClipOptions, label_clip

    os.nice(_NICE)
    cache = request["engine"].pop("cache_dir")
    predictor = Predictor.load(
        Path(request["bundle"]), **request["engine"], cache_dir=Path(cache), verify=False  # it serves
    )  # fmt: skip
    growing = Path(request["folder"]) / GROWING_FILE
    files = ClipFiles(**{kind: Path(path) for kind, path in request["files"].items()}, growing=growing)
    report = label_clip(
        predictor, clip, files, ClipOptions(**request["options"]), limits, _teller(Path(request["folder"]))
    )
    return {"frames": report.frames, "decoded": report.decoded, "notes": list(report.notes)}


def _teller(folder: Path) -> "Callable[[Progress], None]":
    """Writes progress and preview into a folder, whole or not at all, every so often."""
    told = ProgressFile(folder)
    shown = 0.0

    def tell(progress: "Progress") -> None:
        nonlocal shown
        now = time.monotonic()
        if progress.preview is not None and now - shown > _PREVIEW_S:
            replace_whole(folder / PREVIEW_FILE, progress.preview())
            shown = now
        told.tell(progress.frames, progress.decoded, progress.of)

    return tell


if __name__ == "__main__":
    answer_one(work)
