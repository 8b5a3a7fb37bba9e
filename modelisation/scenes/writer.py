"""Write scenes, and drives, as a Cityscapes data set."""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from back.runtime.errors import UserError
from back.runtime.layouts.listing import shown
from modelisation.data.cityscapes import CITY
from modelisation.outputs.mark import Mark, claim, obstacle
from modelisation.outputs.whole import replace_file
from modelisation.scenes.drive import render_drive
from modelisation.scenes.render import Scene, render_scene

_KINDS = ("leftImg8bit", "gtFine")
DRIVE_FILE, DRIVE_RATE = "drive.mp4", Fraction(25, 2)


def write_scenes(
    root: Path,
    counts: Mapping[str, int],
    height: int = 512,
    width: int = 1024,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> list[Path]:
    """Render scenes into the Cityscapes layout.

    Files: leftImg8bit/<split>/scenes/scenes_<n>_000000_leftImg8bit.png, and under gtFine the same with
    _gtFine_labelIds.png (8 bit) and _gtFine_instanceIds.png (16 bit).

    Args:
        root: folder to write in; made where it is missing.
        counts: split name -> number of scenes. No scene is in two splits.
        height: pixels.
        width: pixels.
        seed: of the data set; the same arguments write the same pixels.
        progress: called with 1 after each scene, as `tqdm.update` takes it.

    Returns:
        The pictures' paths, in order.

    Raises:
        UserError: a count or the seed is negative, the folder holds scenes that are not ours or would be mixed with
            these, a file cannot be written, or as `render_scene`.
    """
    if seed < 0:
        raise UserError(f"a data set's seed is a non-negative integer, not {seed}")
    bad = {split: n for split, n in counts.items() if n < 0}
    if bad:
        raise UserError(f"the number of scenes of a split cannot be negative: {bad}")
    splits = [split for split, n in counts.items() for _ in range(n)]
    names = [f"{CITY}_{index:06d}_000000" for index in range(len(splits))]
    _check_outputs(root, set(zip(splits, names, strict=True)))
    paths: list[Path] = []
    seeds = np.random.SeedSequence(seed).generate_state(len(splits), np.uint64)
    for split, name, scene_seed in zip(splits, names, seeds, strict=True):
        paths.append(_write(root, split, name, render_scene(int(scene_seed), height, width)))
        if progress is not None:
            progress(1)
    return paths


def write_drive(
    root: Path,
    frames: int,
    height: int = 512,
    width: int = 1024,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Render a drive along one street: a clip, `drive.mp4`, and beside it every frame as a scene of the split val.

    Args:
        root: folder to write in; made where it is missing.
        frames: how many, 12.5 a second.
        height, width, seed: as `render_drive`.
        progress: called with 1 after each frame.

    Returns:
        The clip's path.

    Raises:
        UserError: as `write_scenes`, or `render_drive`.
    """
    names = [f"{CITY}_000000_{index:06d}" for index in range(frames)]
    scenes = render_drive(seed, frames, height, width, float(DRIVE_RATE))
    first = next(scenes)  # what cannot be rendered is said before anything is written
    clip = root / DRIVE_FILE
    if clip.exists() and obstacle(root, "scenes") is not None:
        raise UserError(f"{shown(clip)} is there already and not as this command made it; choose another folder")
    _check_outputs(root, {("val", name) for name in names})

    def written() -> Iterator[Scene]:
        for index, scene in enumerate(chain([first], scenes)):
            _write(root, "val", names[index], scene)
            yield scene
            if progress is not None:
                progress(1)

    root.mkdir(parents=True, exist_ok=True)
    _write_clip(clip, written())
    return clip


def _write_clip(path: Path, scenes: Iterable[Scene]) -> None:
    """H.264 that loses little, so that what is seen in the clip is what was rendered."""
    partial = path.with_name(f".{path.name}.partial")
    stream = None
    with av.open(str(partial), "w", format="mp4") as file:
        for scene in scenes:
            if stream is None:
                stream = file.add_stream("libx264", rate=DRIVE_RATE, options={"crf": "16", "preset": "veryfast"})
                stream.height, stream.width = scene.image.shape[:2]
                stream.pix_fmt = "yuv420p" if stream.height % 2 == stream.width % 2 == 0 else "yuv444p"
            file.mux(stream.encode(av.VideoFrame.from_ndarray(scene.image, format="rgb24")))
        if stream is not None:
            file.mux(stream.encode())
    partial.replace(path)


def _check_outputs(root: Path, scenes: Set[tuple[str, str]]) -> None:
    """Mark a new folder as ours; in another nothing is written over. `scenes` are (split, name)."""
    if os.path.lexists(root) and not root.is_dir():
        raise UserError(f"{root} is no folder; choose another name")
    ours = obstacle(root, "scenes") is None
    for path in sorted(path for kind in _KINDS for path in root.glob(f"{kind}/*/{CITY}/*")):
        if not ours:
            raise UserError(f"{shown(path)} is there already and not as this command made it; choose another folder")
        # One scene has one number whatever its split, so that one of an earlier call may be in two splits now.
        if (path.parents[1].name, "_".join(path.name.split("_")[:3])) not in scenes:
            raise UserError(
                f"{shown(path)} is of an earlier call with other numbers of scenes, whose splits share scenes with "
                "these; choose another folder, or delete this one first"
            )
    if ours:
        claim(root, Mark(kind="scenes"))


def _write(root: Path, split: str, name: str, scene: Scene) -> Path:
    pictures, truths = (root / kind / split / CITY for kind in _KINDS)
    pictures.mkdir(parents=True, exist_ok=True)
    truths.mkdir(parents=True, exist_ok=True)
    picture = pictures / f"{name}_leftImg8bit.png"
    replace_file(picture, _png(scene.image))
    replace_file(truths / f"{name}_gtFine_labelIds.png", _png(scene.label_ids))
    replace_file(truths / f"{name}_gtFine_instanceIds.png", _png(scene.instance_ids))
    return picture


def _png(pixels: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
