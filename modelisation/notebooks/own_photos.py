"""Photos with classes of one's own, as the notebook about them needs them where nobody has any: rendered streets."""

from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from modelisation.outputs.mark import Mark, check_free, write_mark
from modelisation.provenance import REPOSITORY
from modelisation.scenes.render import render_scene

FOLDER = REPOSITORY / ".cache" / "notebook_own_photos"
COUNT, SIZE = 20, (192, 384)
_CLASSES = """name: garden
classes:
  - {id: 0, name: path, color: [128, 64, 128]}
  - {id: 1, name: lawn}
  - {id: 2, name: house}
"""
_ROAD, _TERRAIN, _VEGETATION = 7, 22, 21  # Cityscapes' label ids


def photos_or_scenes(data: str | Path | None) -> Path:
    """The folder given; for None one of rendered streets with three classes, drawn once. Says which.

    Raises:
        UserError: the folder of the streets holds something that is not ours.
    """
    if data is not None:
        print(f"Data: {data}")
        return Path(data)
    print(f"Data: {COUNT} scenes rendered by this project, no photos, labelled as path, lawn and house")
    if not (FOLDER / "classes.yaml").is_file():
        check_free(FOLDER, "scenes")
        write_own_photos(FOLDER, COUNT, SIZE)
    return FOLDER


def write_own_photos(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write `images/`, `labels/` and classes.yaml, the latter last: where it is there, the rest is whole.

    Args:
        folder: to make; ours.
        count: of the photos, each a clip of its own.
        size: height and width in pixels.
    """
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    write_mark(folder, Mark(kind="scenes"))
    for index in tqdm(range(count), desc="rendering", unit="img"):
        scene = render_scene(index, *size)
        label = np.full(scene.label_ids.shape, 2, np.uint8)
        label[scene.label_ids == _ROAD] = 0
        label[np.isin(scene.label_ids, (_TERRAIN, _VEGETATION))] = 1
        Image.fromarray(scene.image).save(folder / "images" / f"garden{index:02d}_1.png")
        Image.fromarray(label).save(folder / "labels" / f"garden{index:02d}_1.png")
    (folder / "classes.yaml").write_text(_CLASSES, encoding="utf-8")
