"""The ways of training that the benchmark compares learn the same from the same batch, and its table tells them."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from back.runtime.card import WEIGHTS_FILE
from modelisation.data.base import SegmentationDataset
from modelisation.data.open import open_dataset
from modelisation.recipe import Recipe
from modelisation.reports.training_speed import training_lines, training_table
from modelisation.training.fit import fit
from modelisation.training.samples.augment import Views
from tests.api import empty_database
from tests.benchmarks import training_epochs
from tests.benchmarks.training import crops_of, few_photos, recipe_of
from tests.benchmarks.training_ways import OURS, Noting, Ours, all_ways, criterion_for, ends_of_steps
from tests.modelisation.conftest import tracking_uri
from tests.modelisation.tiny import SEGFORMER, TINY, write_data

__all__ = ["empty_database", "tracking_uri"]
SURE = {"classifier_dropout_prob": 0.0, "drop_path_rate": 0.0}  # each library draws its dropout otherwise
RECIPE = Recipe.model_validate(
    TINY
    | SEGFORMER
    | {"build": SEGFORMER["build"] | SURE, "epoch_samples": 4, "loss": {"cross_entropy": 1.0, "lovasz": 0.5}}
)
LIGHTNING = "Lightning, bf16"
HAS_LIGHTNING = importlib.util.find_spec("pytorch_lightning") is not None
needs_lightning = pytest.mark.skipif(
    not HAS_LIGHTNING, reason="Lightning is an extra: tests/benchmarks/requirements.txt"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("streets"))


@pytest.fixture(scope="module")
def data(folder: Path) -> SegmentationDataset:
    return open_dataset(folder, "train", RECIPE.taxonomy)


@pytest.fixture(scope="module")
def crops(data: SegmentationDataset) -> list[Views]:
    return crops_of(RECIPE, data, 2)


@pytest.fixture(scope="module")
def first_loss(data: SegmentationDataset, crops: list[Views]) -> float:
    """That of the plain loop, whose loss is torch's and segmentation-models-pytorch's."""
    return losses("plain loop, fp32", data, crops, Path("unused"))[0]


def losses(name: str, data: SegmentationDataset, crops: list[Views], scratch: Path) -> list[float]:
    criterion = Noting(criterion_for(name, RECIPE, data))
    way = all_ways(scratch)[name](RECIPE, data, criterion)
    with ends_of_steps() as marks:
        way(crops)
    assert len(marks) == 2, "every step is seen"
    assert marks[0] < marks[1]
    return criterion.losses


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_lightning if name == LIGHTNING else ()) for name in all_ways(Path())]
)
def test_every_way_begins_with_the_same_loss_of_the_same_batch(
    name: str, data: SegmentationDataset, crops: list[Views], first_loss: float, tmp_path: Path
) -> None:
    found = losses(name, data, crops, tmp_path)
    assert found[0] == pytest.approx(first_loss, rel=1e-5)
    assert found[1] != found[0]


def test_our_step_is_that_of_training(
    folder: Path, data: SegmentationDataset, tmp_path: Path, tracking_uri: str
) -> None:
    one_epoch = RECIPE.model_copy(update={"epochs": 1})
    way = Ours(one_epoch, data, criterion_for(OURS, RECIPE, data), 2)
    way(crops_of(one_epoch, data, 2))
    fit(one_epoch, folder, tmp_path / "run")
    trained = load_file(tmp_path / "run" / WEIGHTS_FILE)
    ours = way.average.model.state_dict()
    assert trained.keys() == ours.keys()
    for name, tensor in trained.items():
        torch.testing.assert_close(ours[name], tensor, msg=name)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_lightning if name == LIGHTNING else ()) for name in training_epochs.WAYS]
)
def test_every_way_trains_scores_and_is_timed_epoch_by_epoch(
    name: str, folder: Path, tmp_path: Path, tracking_uri: str
) -> None:
    epochs = training_epochs.WAYS[name](RECIPE, folder, tmp_path)
    assert len(epochs.seconds) == RECIPE.epochs - 1
    assert epochs.seconds[0] > 0
    assert 0 <= epochs.miou <= 1
    assert (epochs.wait is not None) == (name == OURS)


def test_photos_are_padded_and_what_is_added_is_ignored(folder: Path) -> None:
    val = open_dataset(folder, "val", RECIPE.taxonomy)
    model = Ours(RECIPE, val, criterion_for(OURS, RECIPE, val)).model
    model.size_multiple = 40
    image_3HW, label_HW = training_epochs.WholePhotos(val, model)[0]
    assert image_3HW.shape == (3, 80, 160)
    assert label_HW.shape == (80, 160)
    assert (label_HW[:64, :128].numpy() == val[0].label).all()
    assert (label_HW[64:] == 255).all()
    expected = (val[0].image[5, 7] / 255 - np.array(model.mean)) / np.array(model.std)
    np.testing.assert_allclose(image_3HW[:, 5, 7].numpy(), expected, rtol=1e-5)


def test_recipes_keep_their_crops_and_loss_and_lose_their_teacher() -> None:
    for model in ("deeplabv3plus", "segformer"):
        recipe = recipe_of(model, 16, 2)
        assert recipe.distillation is None
        assert [augmentation.crop for _, augmentation in recipe.augmentations()] == [(256, 320)]
        assert recipe.loss.lovasz == 0.5


def test_without_camvid_photos_are_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    monkeypatch.setattr("tests.benchmarks.training.write_scenes", lambda *arguments: written.append(arguments))
    assert few_photos(tmp_path / "none", tmp_path / "photos", 3, 2) == "rendered scenes"
    assert written == [(tmp_path / "photos", {"train": 3, "val": 2}, 360, 480)]


def test_few_photos_of_camvid_are_linked_with_their_labels(tmp_path: Path) -> None:
    camvid = tmp_path / "camvid"
    for split in ("train", "val"):
        for kind in (split, f"{split}annot"):
            (camvid / kind).mkdir(parents=True)
            for index in range(4):
                Image.new("L" if kind.endswith("annot") else "RGB", (4, 3)).save(camvid / kind / f"{index:06d}.png")
    assert few_photos(camvid, tmp_path / "few", 2, 1) == "CamVid"
    assert [len(open_dataset(tmp_path / "few", split, "street8")) for split in ("train", "val")] == [2, 1]


def test_the_table_tells_how_much_slower_each_way_is(tmp_path: Path) -> None:
    assert training_lines(tmp_path / "none.json") == ["Not measured yet: `make benchmark-training`."]
    step: dict[str, Any] = {"model": "segformer"}
    lines = training_table(
        {
            "steps": [
                step | {"way": OURS, "seconds": [0.1, 0.2, 0.3], "processor": [1.0, 1.0, 1.0]},
                step | {"way": "peer", "seconds": [0.2, 0.2, 0.9], "processor": [2.0, 2.5, 2.0]},
            ],
            "epochs": [
                step | {"way": OURS, "seconds": [4.0], "wait": [0.012], "miou": [0.5]},
                step | {"way": "peer", "seconds": [10.0], "wait": None, "miou": [0.5]},
            ],
            "photos": 64, "val": 20, "threads": 1, "load": 2.0, "batch": 8, "crop": [256, 320], "data": "CamVid",
            "date": "d", "git_commit": "c", "git_dirty": False, "machine": {"processor": "x", "cores": 2},
            "failures": {"another": "it fell"},
        }
    )  # fmt: skip
    assert "| segformer, StreetSeg | 200 | 1.00 |  | 16.0 |  | 1.2 |" in lines
    assert "| segformer, peer | 200 | 2.00 | 2.00 (1.00–3.00) | 6.4 | 2.50 (2.50–2.50) | – |" in lines
    assert "- another: it fell" in lines
