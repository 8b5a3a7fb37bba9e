"""Rendered scenes to break, in three layouts."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from back.runtime.taxonomy import apply_remap, remap_for
from modelisation.scenes.writer import write_scenes
from tests.modelisation.doctor.planting import CAMVID_ID_OF_STREET8, camvid_name, change


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    write_scenes(root, {"train": 4, "val": 3}, 144, 288, seed=3)
    return root


@pytest.fixture
def scenes(rendered: Path, tmp_path: Path) -> Path:
    """A copy in the Cityscapes layout, to break."""
    return Path(shutil.copytree(rendered, tmp_path / "scenes"))


@pytest.fixture
def camvid(street8: Path, tmp_path: Path) -> Path:
    """The same scenes in the SegNet layout with CamVid's ids, each a clip of its own."""
    root = tmp_path / "camvid"
    for split in ("train", "val"):
        for kind, folder in (("images", root / split), ("labels", root / f"{split}annot")):
            folder.mkdir(parents=True)
            for path in (street8 / split / kind).iterdir():
                shutil.copy(path, folder / camvid_name(path.name))
        for label in (root / f"{split}annot").iterdir():
            change(label, lambda values: CAMVID_ID_OF_STREET8[values])
    return root


@pytest.fixture
def street8(rendered: Path, tmp_path: Path) -> Path:
    """The same scenes as a plain folder of street8 labels."""
    root = tmp_path / "plain"
    table = remap_for("cityscapes_label_ids", "street8")
    for split in ("train", "val"):
        images, labels = root / split / "images", root / split / "labels"
        images.mkdir(parents=True)
        labels.mkdir()
        for path in sorted((rendered / "leftImg8bit" / split).glob("*/*.png")):
            name = path.name.removesuffix("_leftImg8bit.png")
            shutil.copy(path, images / f"{name}.png")
            ids = rendered / "gtFine" / split / "scenes" / f"{name}_gtFine_labelIds.png"
            Image.fromarray(apply_remap(np.asarray(Image.open(ids)), table)).save(labels / f"{name}.png")
    return root
