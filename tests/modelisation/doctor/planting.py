"""Where the scenes' files are, how to change them, and what the doctor finds in them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from modelisation.doctor import diagnose

FIRST = "scenes_000001_000000"


def image_of(root: Path, name: str = FIRST, split: str = "train") -> Path:
    return root / "leftImg8bit" / split / "scenes" / f"{name}_leftImg8bit.png"


def label_of(root: Path, name: str = FIRST, split: str = "train") -> Path:
    return root / "gtFine" / split / "scenes" / f"{name}_gtFine_labelIds.png"


def change(path: Path, function: Callable[[np.ndarray], np.ndarray]) -> None:
    """Rewrite a label file's values."""
    Image.fromarray(function(np.array(Image.open(path)))).save(path)


def found(root: Path) -> list[tuple[str, str]]:
    """Kind and file name of every finding about files."""
    faults = diagnose(root)["faults"]
    return [(f["kind"], Path(f["path"]).name) for f in faults if f["kind"] != "class_missing"]
