"""Where the scenes' files are, how to change them, and what the doctor finds in them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from back.runtime.taxonomy import remap_for
from modelisation.doctor.diagnose import diagnose

FIRST = "scenes_000001_000000"
# One CamVid id of each street8 class, 11 (void) for all else: uint8 [256].
CAMVID_ID_OF_STREET8 = np.array([3, 4, 1, 8, 9, 5, 0, 2] + [11] * 248, np.uint8)


def image_of(root: Path, name: str = FIRST, split: str = "train") -> Path:
    return root / "leftImg8bit" / split / "scenes" / f"{name}_leftImg8bit.png"


def label_of(root: Path, name: str = FIRST, split: str = "train") -> Path:
    return root / "gtFine" / split / "scenes" / f"{name}_gtFine_labelIds.png"


def camvid_name(name: str) -> str:
    """CamVid's names are clip and frame: `scenes000001_000000` is the first frame of a clip."""
    return name.replace("_", "", 1)


def change(path: Path, function: Callable[[np.ndarray], np.ndarray]) -> None:
    """Rewrite a label file's values."""
    Image.fromarray(function(np.array(Image.open(path)))).save(path)


def table_of(source: str, target: str = "street8") -> np.ndarray:
    """A remap as an array, uint8 [256]: what is outside of it becomes 255, as careless code has it."""
    table = np.full(256, 255, np.uint8)
    for value, onto in remap_for(source, target).items():
        table[value] = onto
    return table


def found(root: Path) -> list[tuple[str, str]]:
    """Kind and file name of every finding about files."""
    faults = diagnose(root)["faults"]
    return [(f["kind"], Path(f["path"]).name) for f in faults if f["kind"] != "class_missing"]
