"""Write scenes as a Cityscapes data set."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from back.runtime.errors import UserError
from modelisation.data.cityscapes import CITY
from modelisation.outputs.mark import Mark, claim, obstacle
from modelisation.scenes.render import Scene, render_scene


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
        UserError: a count or the seed is negative, the folder holds scenes that are not ours, or as `render_scene`.
    """
    if seed < 0:
        raise UserError(f"a data set's seed is a non-negative integer, not {seed}")
    bad = {split: n for split, n in counts.items() if n < 0}
    if bad:
        raise UserError(f"the number of scenes of a split cannot be negative: {bad}")
    _check_outputs(root, counts)
    paths: list[Path] = []
    seeds = np.random.SeedSequence(seed).generate_state(sum(counts.values()), np.uint64)
    splits = [split for split, n in counts.items() for _ in range(n)]
    for index, split in enumerate(splits):
        scene = render_scene(int(seeds[index]), height, width)
        paths.append(_write(root, split, f"{CITY}_{index:06d}_000000", scene))
        if progress is not None:
            progress(1)
    return paths


def _check_outputs(root: Path, counts: Mapping[str, int]) -> None:
    """Mark a new folder as ours; in another nothing is written over."""
    if obstacle(root, "scenes") is None:
        claim(root, Mark(kind="scenes"))
        return
    for split in counts:
        for kind in ("leftImg8bit", "gtFine"):
            folder = root / kind / split / CITY
            if there := next(iter(sorted(folder.glob("*"))), None):
                raise UserError(f"{there} is there already and not as this command made it; choose another folder")


def _write(root: Path, split: str, name: str, scene: Scene) -> Path:
    pictures, truths = root / "leftImg8bit" / split / CITY, root / "gtFine" / split / CITY
    pictures.mkdir(parents=True, exist_ok=True)
    truths.mkdir(parents=True, exist_ok=True)
    picture = pictures / f"{name}_leftImg8bit.png"
    Image.fromarray(scene.image).save(picture, compress_level=1)
    Image.fromarray(scene.label_ids).save(truths / f"{name}_gtFine_labelIds.png", compress_level=1)
    Image.fromarray(scene.instance_ids).save(truths / f"{name}_gtFine_instanceIds.png", compress_level=1)
    return picture
