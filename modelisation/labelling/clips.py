"""Clips labelled into a folder: an overlay, class maps and a table of shares for each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from back.runtime.errors import UserError
from back.runtime.layouts.listing import composed, shown
from back.runtime.predictor import Predictor
from back.runtime.video.class_maps import VIDEO, ZIP
from back.runtime.video.label import ClipFiles, ClipOptions, ClipReport, Progress, label_clip
from back.runtime.video.limits import OWN_FILES, SUFFIXES
from modelisation.outputs.files import OutputFolder, same_file

ClassMapKind = Literal["zip", "video", "none"]
_CLASSES = {"zip": ZIP, "video": VIDEO}


def is_clip(path: Path) -> bool:
    """Whether a path is named as a clip is."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def clip_files(clip: Path, classes: ClassMapKind) -> dict[str, str]:
    """The names of what is written of a clip, by the fields of `ClipFiles`."""
    names = {"overlay": f"{clip.stem}.overlay.mp4", "shares": f"{clip.stem}.shares.csv"}
    if classes != "none":
        names["classes"] = f"{clip.stem}.classes{_CLASSES[classes]}"
    return names


def check_clips(clips: Sequence[Path], out: Path, classes: ClassMapKind) -> None:
    """Check that the files of all clips can be written to `out`, before any is.

    Raises:
        UserError: a clip does not exist, two have one name, or a file would be written over that we did not make.
    """
    stems: dict[str, Path] = {}
    for clip in clips:
        if not clip.exists():
            raise UserError(f"{clip}: no such file")
        other = stems.setdefault(composed(clip.stem), clip)
        if other is not clip and not same_file(other, clip):
            raise UserError(
                f"{shown(other)} and {shown(clip)}: two clips are called {shown(clip.stem)}, so that their files "
                "would overwrite each other; predict them into two folders"
            )
    OutputFolder(out, clips).check(name for clip in clips for name in clip_files(clip, classes).values())


def write_clip(
    predictor: Predictor,
    clip: Path,
    out: Path,
    classes: ClassMapKind,
    options: ClipOptions,
    progress: Callable[[Progress], object],
) -> ClipReport:
    """Label one clip and write its files to `out`: all of them, or none where it fails.

    Raises:
        UserError: as `check_clips`, or `ClipError` as `label_clip`.
        OSError: as `label_clip`.
    """
    names = clip_files(clip, classes)
    folder = OutputFolder(out, [clip])
    with folder.writing(names.values()) as places:
        files = ClipFiles(**{kind: places[name] for kind, name in names.items()})
        return label_clip(predictor, clip, files, options, OWN_FILES, progress)
